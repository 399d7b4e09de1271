import { z } from 'zod';

/** The scale of scores, 0 to 100, without a gap: how the home-security API names them. */
export const severityBands = [
  {
    severity: 'low',
    label: 'Low',
    description: 'Routine activity, no concern',
    color: '#22c55e',
    priority: 3,
    min_score: 0,
    max_score: 29,
  },
  {
    severity: 'medium',
    label: 'Medium',
    description: 'Notable activity, worth reviewing',
    color: '#eab308',
    priority: 2,
    min_score: 30,
    max_score: 59,
  },
  {
    severity: 'high',
    label: 'High',
    description: 'Concerning activity, review soon',
    color: '#f97316',
    priority: 1,
    min_score: 60,
    max_score: 84,
  },
  {
    severity: 'critical',
    label: 'Critical',
    description: 'Immediate attention required',
    color: '#ef4444',
    priority: 0,
    min_score: 85,
    max_score: 100,
  },
] as const;

/** The name of a band. */
export const Severity = z.enum(severityBands.map(({ severity }) => severity));

/** The band in which a score lies. */
export function severityOf(score: number): z.infer<typeof Severity> {
  return severityBands.find((band) => score <= band.max_score)?.severity ?? 'critical';
}

const [low, medium, high] = severityBands;

/** The whole scale, as the home-security API tells it. */
export const SeverityScale = z.object({
  definitions: z.array(
    z.object({
      severity: Severity,
      label: z.string(),
      description: z.string(),
      color: z.string(),
      priority: z.int().describe('0 is most urgent'),
      min_score: z.int(),
      max_score: z.int(),
    }),
  ),
  thresholds: z.object({ low_max: z.int(), medium_max: z.int(), high_max: z.int() }),
});

/** See {@link SeverityScale}. */
export const toSeverityScale = (): z.infer<typeof SeverityScale> => ({
  definitions: severityBands.map((band) => ({ ...band })),
  thresholds: { low_max: low.max_score, medium_max: medium.max_score, high_max: high.max_score },
});
