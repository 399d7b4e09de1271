import { HostFigures, hostParts, type HostSample } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';

/** Tyto's metrics document. */
export const MetricsDocument = HostFigures.extend({
  agent_id: z.string(),
  timestamp: isoTime,
  stale: z.array(z.enum(hostParts)).describe('parts that are older than they should be'),
  seq: z.int().describe('number of the sample in its outbox'),
});

/** The metrics document of one sample, with the agent it is from and the parts that are stale. */
export function toMetricsDocument(agentId: string, sample: HostSample): z.infer<typeof MetricsDocument> {
  const { seq, time, stale, ...figures } = sample;
  return { agent_id: agentId, timestamp: isoSeconds(time), ...figures, stale, seq };
}
