import {
  LapwingError,
  type LogFilter,
  type LogSourceKind,
  type OutputOf,
  type logsourceList,
} from '@lapwing/contracts';
import { unnestColumns, type Schema, type Transaction } from '@lapwing/postgres';

/** Names a stream: who sends it, and from where. */
export interface StreamKey {
  agentId: string;
  source: LogSourceKind;
  name: string;
}

const MAX_KNOWN = 100_000;
/** Streams of one agent: names are the agent's, and whoever may write a log on a host can make some up. */
const MAX_OF_AGENT = 10_000;
/** The name of the stream that has the lines of all others. */
const OTHERS = '(others)';
const MAX_LISTED = 1000;

const textOf = ({ agentId, source, name }: StreamKey): string => `${agentId}\n${source}\n${name}`;

const othersOf = ({ agentId, source }: StreamKey): StreamKey => ({ agentId, source, name: OTHERS });

/** Gives streams their numbers, and remembers them. */
export class StreamStore {
  #known = new Map<string, number>();

  constructor(private readonly schema: Schema) {}

  /**
   * Numbers those that have none yet, committed at once, so that a failed batch leaves no number that does not exist.
   * @returns what tells the number of each.
   */
  async ensure(keys: Iterable<StreamKey>): Promise<(key: StreamKey) => number> {
    // A new map, not an emptied one: batches that are under way keep theirs.
    if (this.#known.size > MAX_KNOWN) this.#known = new Map();
    const known = this.#known;
    const unknown = new Map<string, StreamKey>();
    for (const key of keys) if (!known.has(textOf(key))) unknown.set(textOf(key), key);
    if (unknown.size > 0) await this.#number([...unknown.values()], known, MAX_OF_AGENT);
    const surplus = [...unknown.values()].filter((key) => !known.has(textOf(key)));
    if (surplus.length > 0) {
      await this.#number(surplus.map(othersOf), known, Number.POSITIVE_INFINITY);
      for (const key of surplus) known.set(textOf(key), known.get(textOf(othersOf(key))) ?? 0);
    }
    return (key) => {
      const id = known.get(textOf(key));
      if (id === undefined) throw new Error('a stream was not ensured');
      return id;
    };
  }

  /** @param most an agent that has so many gets no more. */
  async #number(keys: StreamKey[], known: Map<string, number>, most: number): Promise<void> {
    const columns = { agent_id: 'text', source: 'text', name: 'text' } as const;
    const rows = keys.map(({ agentId, source, name }) => [agentId, source, name]);
    const { from, values } = unnestColumns(columns, rows, 'wanted');
    await this.schema.query(
      'stream.insert',
      `INSERT INTO logs.stream (agent_id, source, name) SELECT agent_id, source, name FROM ${from}
       WHERE NOT EXISTS (SELECT FROM logs.stream s WHERE (s.agent_id, s.source, s.name) = (wanted.agent_id, wanted.source, wanted.name))
         AND (SELECT count(*) FROM logs.stream s WHERE s.agent_id = wanted.agent_id) < $4::float8
       ORDER BY agent_id, source, name ON CONFLICT DO NOTHING`,
      [...values, most],
    );
    const found = await this.schema.query<{ id: number; agent_id: string; source: LogSourceKind; name: string }>(
      'stream.select',
      `SELECT s.id, s.agent_id, s.source, s.name FROM logs.stream s JOIN ${from} USING (agent_id, source, name)`,
      values,
    );
    for (const { id, agent_id: agentId, source, name } of found.rows) known.set(textOf({ agentId, source, name }), id);
  }

  /**
   * Notes the newest time of streams that got lines. Throws `UNAVAILABLE` when one of them was forgotten meanwhile: its number is asked for
   * again at the next try.
   */
  async touch(transaction: Transaction, newest: ReadonlyMap<number, number>): Promise<void> {
    const { from, values } = unnestColumns({ id: 'int4', time: 'timestamptz' }, [...newest], 'heard');
    const { rows } = await transaction.query<{ id: number }>(
      `SELECT s.id FROM logs.stream s JOIN ${from} USING (id) ORDER BY s.id FOR NO KEY UPDATE OF s`,
      values,
      'stream.lock',
    );
    if (rows.length < newest.size) {
      this.#known = new Map();
      throw new LapwingError('UNAVAILABLE', 'a stream was forgotten meanwhile');
    }
    await transaction.query(
      `UPDATE logs.stream s SET last_at = heard.time FROM ${from} WHERE s.id = heard.id AND s.last_at IS DISTINCT FROM greatest(s.last_at, heard.time)`,
      values,
      'stream.touch',
    );
  }

  /** The numbers of the streams that a filter means; null when it means all. */
  async matching(filter: Pick<LogFilter, 'agentId' | 'source' | 'name'>): Promise<number[] | null> {
    const { agentId, source, name } = filter;
    if (agentId === null && source === null && name === null) return null;
    const { rows } = await this.schema.query<{ id: number }>(
      'stream.matching',
      `SELECT id FROM logs.stream WHERE ($1::text IS NULL OR agent_id = $1) AND ($2::text IS NULL OR source = $2) AND ($3::text IS NULL OR name = $3)`,
      [agentId, source, name],
    );
    return rows.map((row) => row.id);
  }

  /** See `logsourceList`. */
  async list(agentId: string | null, source: LogSourceKind | null): Promise<OutputOf<typeof logsourceList>> {
    const { rows } = await this.schema.query<OutputOf<typeof logsourceList>['sources'][number]>(
      'stream.list',
      `SELECT agent_id AS "agentId", source, name, last_at AS "lastAt" FROM logs.stream
       WHERE ($1::text IS NULL OR agent_id = $1) AND ($2::text IS NULL OR source = $2)
       ORDER BY agent_id, source, name LIMIT ${MAX_LISTED}`,
      [agentId, source],
    );
    return { sources: rows };
  }

  /** Forgets streams of which nothing came for so long that none of their lines is left. */
  async forget(olderThan: number): Promise<void> {
    await this.schema.query(
      'stream.forget',
      `DELETE FROM logs.stream s WHERE last_at < $1 AND NOT EXISTS (SELECT FROM logs.volume v WHERE v.stream_id = s.id)`,
      [new Date(olderThan)],
    );
  }
}
