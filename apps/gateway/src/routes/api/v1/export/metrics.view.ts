import type { toMetricsDocument } from '../stream.view.js';

type Document = ReturnType<typeof toMetricsDocument>;

/** A cell of a CSV file (RFC 4180). Text that a spreadsheet would take for a formula gets an apostrophe before it. */
export function cell(value: string | number | boolean | null): string {
  const text = value === null ? '' : String(value);
  const harmless = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function* leaves(value: unknown, path: string): Generator<[string, string | number | boolean | null]> {
  if (value !== null && typeof value === 'object')
    for (const [key, inner] of Object.entries(value)) yield* leaves(inner, path ? `${path}.${key}` : key);
  else if (value === null || ['string', 'number', 'boolean'].includes(typeof value))
    yield [path, value as string | number | boolean | null];
}

/** The documents as CSV: a line for each figure, its name with dots. */
export function toCsv(documents: Document[]): string {
  const lines = documents.flatMap(({ agent_id: agentId, timestamp, ...figures }) =>
    [...leaves(figures, '')].map(([metric, value]) => [agentId, timestamp, metric, value].map(cell).join(',')),
  );
  return `${['agent_id,timestamp,metric,value', ...lines].join('\r\n')}\r\n`;
}
