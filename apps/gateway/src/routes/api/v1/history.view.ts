import type { HostMetric, OutputOf, historyGet } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';

type Answer = OutputOf<typeof historyGet>;

/** Seconds a step of each resolution; 0 for the samples as they were taken. */
export const steps = { raw: 0, '1m': 60, '5m': 300, '1h': 3600 } as const;

const Aggregate = z.object({ avg: z.number(), min: z.number(), max: z.number() });

/** Tyto's history document. */
export const History = z.object({
  from: isoTime,
  to: isoTime,
  resolution: z.enum(['raw', '1m', '5m', '1h']),
  data: z.array(
    z.object({
      timestamp: isoTime,
      cpu: Aggregate.optional().describe('percent'),
      memory: Aggregate.optional().describe('percent'),
      disk: Aggregate.optional().describe('percent of the root mount'),
      temperature: Aggregate.optional().describe('°C, the hottest sensor'),
    }),
  ),
});

/** History in steps. What a host does not have (a temperature, say) is left out of a point; so are steps without a sample. */
export function toHistory(
  asked: { from: number; to: number; resolution: keyof typeof steps },
  { times, columns }: Answer,
): z.infer<typeof History> {
  const at = (metric: HostMetric, index: number) => {
    const column = columns[metric];
    const avg = column?.avg[index] ?? null;
    return avg === null ? undefined : { avg, min: column?.min[index] ?? avg, max: column?.max[index] ?? avg };
  };
  const data = times.map((time, index) => ({
    timestamp: isoSeconds(time),
    cpu: at('cpu', index),
    memory: at('memory', index),
    disk: at('disk', index),
    temperature: at('temperature', index),
  }));
  return { from: isoSeconds(asked.from), to: isoSeconds(asked.to), resolution: asked.resolution, data };
}
