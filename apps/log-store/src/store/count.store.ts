import type { LogLevel, OutputOf, logmatchCount, logvolumeGet } from '@lapwing/contracts';
import type { Schema } from '@lapwing/postgres';
import { levelOf } from '../domain/levels.js';
import { Parameters, allOf, looksIntoLines, whereKind, whereText, whereTime, type Search } from './conditions.js';
import type { Segment } from './search.store.js';
import { BY_INDEX, timed, type Deadline } from './timed.js';

const MINUTE_MS = 60_000;
const MAX_AGENTS = 1000;
const EXAMPLES = 3;
const EXAMPLE_CHARACTERS = 500;
/** Bytes of examples that one answer holds. */
const MAX_EXAMPLES_BYTES = 600_000;

type Volume = OutputOf<typeof logvolumeGet>['buckets'];
type Matches = OutputOf<typeof logmatchCount>['agents'];

/** Counts lines. */
export class CountStore {
  constructor(private readonly schema: Schema) {}

  /** How many lines there are of the streams and levels in question: exact. */
  async exact(search: Search, deadline: Deadline): Promise<number> {
    const parameters = new Parameters();
    const text = `SELECT coalesce(sum(lines), 0) AS total FROM (${counts(search, parameters)}) c`;
    const statement = { name: 'count.exact', text, values: parameters.values };
    const { rows } = await timed<{ total: number }>(this.schema, statement, deadline);
    return rows[0]?.total ?? 0;
  }

  /** How many lines of a segment match; counts no further than `most`. */
  async upTo(search: Search, { indexed }: Segment, most: number, deadline: Deadline): Promise<number> {
    const parameters = new Parameters();
    const text = `SELECT count(*) AS total FROM (SELECT FROM logs.entry e WHERE ${conditions(search, indexed, parameters)} LIMIT ${parameters.add(most)}) e`;
    const settings = indexed ? BY_INDEX : undefined;
    const statement = { name: 'count.matching', text, values: parameters.values, settings };
    const { rows } = await timed<{ total: number }>(this.schema, statement, deadline);
    return rows[0]?.total ?? 0;
  }

  /** How many lines match, as the planner supposes. */
  async estimate(search: Search, deadline: Deadline): Promise<number> {
    const parameters = new Parameters();
    const text = `EXPLAIN (FORMAT JSON) SELECT FROM logs.entry e WHERE ${conditions(search, true, parameters)}`;
    const statement = { name: 'count.estimate', text, values: parameters.values };
    const { rows } = await timed<{ 'QUERY PLAN': { Plan: { 'Plan Rows': number } }[] }>(
      this.schema,
      statement,
      deadline,
    );
    return rows[0]?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0;
  }

  /** How many lines of each level there are in each stretch of `step` seconds; out of the volume where that suffices. */
  async histogram(search: Search, step: number, deadline: Deadline): Promise<Volume> {
    const parameters = new Parameters();
    const source =
      step % 60 === 0 && !looksIntoLines(search)
        ? counts(search, parameters)
        : `SELECT e.time, e.level, 1 AS lines FROM logs.entry e WHERE ${conditions(search, false, parameters)}`;
    const width = `${parameters.add(step)}::bigint`;
    const text = `SELECT floor(extract(epoch FROM time) / ${width})::bigint * ${width} * 1000 AS bucket, level, sum(lines) AS lines
      FROM (${source}) c GROUP BY 1, 2 HAVING sum(lines) > 0 ORDER BY 1`;
    const statement = { name: 'count.histogram', text, values: parameters.values };
    const { rows } = await timed<{ bucket: number; level: number; lines: number }>(this.schema, statement, deadline);
    const buckets = new Map<number, Partial<Record<LogLevel, number>>>();
    for (const { bucket, level, lines } of rows)
      buckets.set(bucket, { ...buckets.get(bucket), [levelOf(level)]: lines });
    return [...buckets].map(([time, levels]) => ({ time, counts: levels }));
  }

  /** How many lines match, by agent, with the newest of each; those with most first. */
  async byAgent(search: Search, deadline: Deadline): Promise<Matches> {
    const parameters = new Parameters();
    const text = `
      WITH match AS MATERIALIZED (
        SELECT s.agent_id, s.name, e.time, e.seq, e.line, e.stream_id FROM logs.entry e JOIN logs.stream s ON s.id = e.stream_id
        WHERE ${conditions(search, false, parameters)}),
      agent AS (SELECT agent_id, count(*) AS lines FROM match GROUP BY agent_id ORDER BY lines DESC, agent_id LIMIT ${MAX_AGENTS}),
      ranked AS (
        SELECT *, row_number() OVER (PARTITION BY agent_id ORDER BY time DESC, seq DESC, line DESC, stream_id DESC) AS place FROM match)
      SELECT a.agent_id, a.lines, r.name, r.time, left(e.message, ${EXAMPLE_CHARACTERS}) AS message
      FROM agent a JOIN ranked r ON r.agent_id = a.agent_id AND r.place <= ${EXAMPLES}
      CROSS JOIN LATERAL (
        SELECT e.message FROM logs.entry e
        WHERE e.time = r.time AND e.seq = r.seq AND e.line = r.line AND e.stream_id = r.stream_id LIMIT 1) e
      ORDER BY a.lines DESC, a.agent_id, r.place`;
    const { rows } = await timed<{ agent_id: string; lines: number; name: string; time: number; message: string }>(
      this.schema,
      { name: 'count.byAgent', text, values: parameters.values },
      deadline,
    );
    const agents = new Map<string, Matches[number]>();
    let bytes = 0;
    for (const { agent_id: agentId, lines: count, name, time, message: whole } of rows) {
      const agent = agents.get(agentId) ?? { agentId, count, examples: [] };
      // PostgreSQL counts signs, the contract UTF-16 units.
      const message = whole.slice(0, EXAMPLE_CHARACTERS).replace(/[\uD800-\uDBFF]$/, '');
      bytes += Buffer.byteLength(message) + Buffer.byteLength(name) + 100;
      if (bytes <= MAX_EXAMPLES_BYTES) agent.examples.push({ time, name, message });
      agents.set(agentId, agent);
    }
    return [...agents.values()];
  }
}

function conditions(search: Search, isIndexed: boolean, parameters: Parameters): string {
  return allOf([
    ...whereTime(search, parameters),
    ...whereKind(search, parameters),
    ...whereText(search, isIndexed, parameters),
  ]);
}

/** Counts by time and level: whole minutes out of the volume, what is left at the ends out of the lines themselves. */
function counts(search: Search, parameters: Parameters): string {
  const { from, to } = search;
  const begin = from === null ? null : Math.ceil(from / MINUTE_MS) * MINUTE_MS;
  const end = to === null ? null : Math.floor(to / MINUTE_MS) * MINUTE_MS;
  const rows = (part: Pick<Search, 'from' | 'to'>): string =>
    `SELECT e.time, e.level, 1 AS lines FROM logs.entry e WHERE ${allOf([
      ...whereTime({ ...search, ...part }, parameters),
      ...whereKind(search, parameters),
    ])}`;
  if (begin !== null && end !== null && begin >= end) return rows({ from, to });
  const whole = [`e.minute >= (SELECT date_trunc('minute', logs.floor()))`];
  if (begin !== null) whole.push(`e.minute >= ${parameters.time(begin)}`);
  if (end !== null) whole.push(`e.minute < ${parameters.time(end)}`);
  const parts = [
    `SELECT e.minute AS time, e.level, e.lines FROM logs.volume e WHERE ${allOf([...whole, ...whereKind(search, parameters)])}`,
  ];
  if (from !== null && begin !== null && begin > from) parts.push(rows({ from, to: begin }));
  if (to !== null && end !== null && end < to) parts.push(rows({ from: end, to }));
  return parts.join(' UNION ALL ');
}
