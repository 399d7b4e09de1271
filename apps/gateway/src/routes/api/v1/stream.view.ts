import type { HostSample } from '@lapwing/contracts';
import { isoSeconds } from '../../../http/query.js';

/** Tyto's metrics document of one sample, with the agent it is from and the parts that are stale. */
export function toMetricsDocument(agentId: string, sample: HostSample) {
  const { seq, time, stale, ...figures } = sample;
  return { agent_id: agentId, timestamp: isoSeconds(time), ...figures, stale, seq };
}
