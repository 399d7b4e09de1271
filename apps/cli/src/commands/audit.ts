import { type Command } from 'commander';
import { z } from 'zod';
import { limitArgument } from '../arguments.js';
import type { Context } from '../context.js';
import { exits } from '../errors.js';
import { factsOf, print, tableOf } from '../output.js';

const Entry = z.looseObject({
  id: z.number(),
  timestamp: z.string(),
  type: z.string(),
  action: z.string(),
  target: z.string(),
  user: z.string(),
  address: z.string(),
});
const Trail = z.object({ entries: z.array(Entry), total: z.number() });
const Verdict = z.object({
  valid: z.boolean(),
  entries: z.int(),
  firstBrokenId: z.int().nullable(),
  fault: z.string().nullable(),
  next: z.int().nullable(),
});
/** The server looks for some ten seconds at a time. */
const DEADLINE_MS = 60_000;

interface ListOptions {
  limit: number;
  type?: string;
  action?: string;
  user?: string;
}

/** `lapwing audit …` */
export function addAudit(program: Command, context: Context): void {
  const audit = program.command('audit').description('The audit trail.');
  audit
    .command('list')
    .description('lists what was done, the newest first')
    .option('--limit <number>', 'so many at most, 1 to 1000', limitArgument, 50)
    .option('--type <type>', 'only what was done to this kind of thing, e.g. user')
    .option('--action <action>', 'only what was done so, e.g. disabled')
    .option('--user <name>', 'only what this one did')
    .action((options: ListOptions) => list(context, options));
  audit
    .command('verify')
    .description('checks that nobody has changed the audit trail; ends with 6 when somebody has')
    .action(() => verify(context));
}

async function list({ client, json }: Context, { limit, ...filter }: ListOptions): Promise<void> {
  const query = new URLSearchParams({ limit: String(limit), ...filter });
  const found = await client().ask('GET', `/api/v1/audit?${query.toString()}`, Trail);
  const rows = found.entries.map((one) => [
    String(one.id),
    one.timestamp,
    one.user,
    one.address,
    `${one.type} ${one.action}`,
    one.target,
  ]);
  const table = tableOf(['ID', 'TIME', 'USER', 'ADDRESS', 'WHAT', 'TARGET'], rows);
  print(json(), found, `${table}\n${found.entries.length} of ${found.total}`);
}

async function verify({ client: known, json }: Context): Promise<void> {
  const client = known();
  let verdict: z.infer<typeof Verdict>;
  for (let after = 0; ;) {
    const path = `/api/v1/audit/verify?after=${after}`;
    verdict = await client.ask('GET', path, Verdict, { deadlineMs: DEADLINE_MS });
    // A server that does not get on would keep us here for ever.
    if (verdict.next === null || verdict.next <= after) break;
    after = verdict.next;
    if (process.stderr.isTTY) process.stderr.write(`checked ${after} entries\n`);
  }
  const { valid, entries, firstBrokenId, fault } = verdict;
  const facts = {
    'audit trail': valid ? 'whole' : 'BROKEN',
    entries: String(entries),
    ...(!valid && { 'first broken entry': String(firstBrokenId ?? '-'), fault: fault ?? '-' }),
  };
  print(json(), { valid, entries, firstBrokenId, fault }, factsOf(facts));
  if (!valid) process.exitCode = exits.broken;
}
