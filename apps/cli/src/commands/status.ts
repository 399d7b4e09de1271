import type { Command } from 'commander';
import { z } from 'zod';
import { RefusedError, type Client } from '../client.js';
import type { Context } from '../context.js';
import { exits } from '../errors.js';
import { factsOf, print, tableOf } from '../output.js';

const Part = z.object({ status: z.string(), message: z.string().nullable().default('') });
const Health = z.object({ status: z.string(), services: z.record(z.string(), Part) });
const Readiness = z.object({
  ready: z.boolean(),
  status: z.string(),
  workers: z
    .array(z.object({ name: z.string(), running: z.boolean(), message: z.string().nullable().default(null) }))
    .default([]),
});
const Version = z.object({ version: z.string() });
const Alerts = z.object({ alerts: z.array(z.object({ level: z.string() })) });
/** What a system that is not well answers with. */
const UNWELL = { alsoGood: [503] };

/** `lapwing status` */
export function addStatus(program: Command, context: Context): void {
  program
    .command('status')
    .description('shows how the system is; ends with 0 when healthy, 4 when degraded, 5 when unhealthy or not ready')
    .action(() => status(context));
}

async function status({ client: known, json }: Context): Promise<void> {
  const client = known();
  const [health, readiness, { version }, alerts] = await Promise.all([
    client.ask('GET', '/api/system/health', Health, UNWELL),
    client.ask('GET', '/api/system/health/ready', Readiness, UNWELL),
    client.ask('GET', '/api/version', Version),
    alertsByLevel(client),
  ]);
  const { ready, workers } = readiness;
  const result = { url: client.url, version, status: health.status, ready, services: health.services, workers, alerts };
  const counts = alerts && Object.entries(alerts).map(([level, count]) => `${count} ${level}`);
  const facts = factsOf({
    server: client.url,
    version,
    status: health.status,
    ready: ready ? 'yes' : 'no',
    alerts: counts ? counts.join(', ') || 'none' : 'not shown: log in, with permission to see alerts',
  });
  const services = Object.entries(health.services).map(([name, part]) => [name, part.status, part.message ?? '']);
  const still = workers.map(({ name, running, message }) => [name, running ? 'running' : 'stopped', message ?? '']);
  print(json(), result, `${facts}\n\n${tableOf(['PART', 'STATUS', 'MESSAGE'], [...services, ...still])}`);
  process.exitCode = exitFor(health.status, ready);
}

function exitFor(health: string, ready: boolean): number {
  if (!ready || !['healthy', 'degraded'].includes(health)) return exits.unhealthy;
  return health === 'healthy' ? exits.ok : exits.degraded;
}

/** How many alerts are open, by level. Null for whoever may not see them, or while they cannot be asked for. */
async function alertsByLevel(client: Client): Promise<Record<string, number> | null> {
  try {
    const { alerts } = await client.ask('GET', '/api/v1/alerts', Alerts);
    const counts: Record<string, number> = {};
    for (const { level } of alerts) counts[level] = (counts[level] ?? 0) + 1;
    return counts;
  } catch (error) {
    if (error instanceof RefusedError) return null;
    throw error;
  }
}
