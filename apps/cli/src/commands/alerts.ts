import { InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import { RefusedError } from '../client.js';
import { limitArgument } from '../arguments.js';
import type { Context } from '../context.js';
import { CliError, exits } from '../errors.js';
import { agoOf, print, tableOf } from '../output.js';

const Alert = z.looseObject({
  id: z.string(),
  type: z.string(),
  level: z.string(),
  value: z.number(),
  threshold: z.number(),
  unit: z.string().default(''),
  message: z.string(),
  resource_name: z.string(),
  created_at: z.string(),
  resolved_at: z.string().nullable(),
  acknowledged: z.boolean(),
  acknowledged_by: z.string().nullable(),
});
const Open = z.object({ alerts: z.array(Alert) });
const Past = z.object({ alerts: z.array(Alert), total: z.number() });
const levels = ['warning', 'critical'] as const;

interface ListOptions {
  level?: string;
  history?: true;
  limit: number;
}

/** `lapwing alerts …` */
export function addAlerts(program: Command, context: Context): void {
  const alerts = program.command('alerts').description('Alerts: what is wrong, and what was.');
  alerts
    .command('list')
    .description('lists open alerts, the newest first')
    .option('--level <level>', `only one level: ${levels.join(', ')}`, levelArgument)
    .option('--history', 'those that are over, too')
    .option('--limit <number>', 'so many at most, 1 to 1000', limitArgument, 100)
    .action((options: ListOptions) => list(context, options));
  for (const [name, action, done] of [
    ['ack', 'acknowledge', 'acknowledged'],
    ['unack', 'unacknowledge', 'not acknowledged any more'],
  ] as const)
    alerts
      .command(name)
      .argument('<ids...>', 'which ones, as "list" shows them')
      .description(action === 'acknowledge' ? 'acknowledges alerts' : 'takes that back')
      .action((ids: string[]) => act(context, action, done, ids));
}

function levelArgument(text: string): string {
  if (!levels.some((level) => level === text)) throw new InvalidArgumentError(levels.join(', '));
  return text;
}

async function list({ client, json }: Context, { level, history, limit }: ListOptions): Promise<void> {
  const query = new URLSearchParams({ limit: String(limit), ...(level !== undefined && { level }) });
  const found = history
    ? (await client().ask('GET', `/api/v1/alerts/history?${query.toString()}`, Past)).alerts
    : (await client().ask('GET', '/api/v1/alerts', Open)).alerts.filter(
        (one) => level === undefined || one.level === level,
      );
  const alerts = found.slice(0, limit);
  const now = Date.now();
  const rows = alerts.map((one) => [
    one.level,
    one.resource_name,
    one.type,
    one.resolved_at === null ? (one.acknowledged ? `acknowledged by ${one.acknowledged_by ?? '?'}` : 'open') : 'over',
    agoOf(one.created_at, now),
    one.message,
    one.id,
  ]);
  const more = found.length > limit ? `\n${found.length - limit} more: see --limit` : '';
  print(json(), { alerts }, tableOf(['LEVEL', 'RESOURCE', 'WHAT', 'STATE', 'SINCE', 'MESSAGE', 'ID'], rows) + more);
}

/** One after the other: each that can be done is done, and the others are told. */
async function act({ client: known, json }: Context, action: string, done: string, ids: string[]): Promise<void> {
  const client = known();
  const results: { id: string; ok: boolean; error: string | null }[] = [];
  for (const id of new Set(ids)) {
    try {
      await client.ask('POST', `/api/v1/alerts/${encodeURIComponent(id)}/${action}`, z.object({ id: z.string() }));
      results.push({ id, ok: true, error: null });
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code !== 'NOT_FOUND') throw error;
      results.push({ id, ok: false, error: error.message });
    }
  }
  const rows = results.map(({ id, ok, error }) => [id, ok ? done : (error ?? '')]);
  print(json(), { results }, tableOf(['ID', 'RESULT'], rows));
  const failed = results.filter(({ ok }) => !ok).length;
  if (failed === results.length && !json())
    throw new CliError('refused', `none of ${failed} was ${action}d: see "lapwing alerts list"`);
  if (failed > 0) process.exitCode = exits.refused;
}
