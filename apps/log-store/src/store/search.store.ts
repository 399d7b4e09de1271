import type { LogEntry, LogSourceKind, StoredLogEntry } from '@lapwing/contracts';
import { encodeColumn, type Schema } from '@lapwing/postgres';
import { formatEntryId, type EntryKey } from '../domain/entry-id.js';
import { levelOf } from '../domain/levels.js';
import { Parameters, allOf, whereKind, whereText, whereTime, type Search } from './conditions.js';
import { BY_INDEX, timed, type Deadline } from './timed.js';

/** A stretch of time that is searched by itself; a partition, or a chunk. */
export interface Segment {
  /** Milliseconds since 1970; minus and plus infinity at the ends. */
  starts: number;
  ends: number;
  /** Whether text indexes serve all of it. */
  indexed: boolean;
}

/** What a look at the newest lines found. */
export interface Look {
  keys: EntryKey[];
  /** The oldest line that was looked at; null when there was none. */
  last: EntryKey | null;
  /** How many were looked at. */
  looked: number;
}

type KeyRow = { time: number; seq: number; line: number; stream_id: number };
type EntryResult = KeyRow & {
  level: number;
  message: string;
  fields: LogEntry['fields'] | null;
  agent_id: string;
  source: LogSourceKind;
  name: string;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const AHEAD_MS = 600_000;
/** So far back the newest lines of some streams or levels are looked for, as long as there are too few. */
const LOOKS_BACK = [HOUR_MS, 12 * HOUR_MS, 96 * HOUR_MS, Infinity];
/** Minutes of streams that are looked into one by one. */
const MAX_PLACES = 12_000;
/** Bytes of lines that one answer takes out of the database. */
const MAX_BYTES = 700_000;

const KEY = 'time, seq, line, stream_id';
const NEWEST_FIRST = 'time DESC, seq DESC, line DESC, stream_id DESC';
const keyOf = (row: KeyRow): EntryKey => ({ time: row.time, seq: row.seq, line: row.line, streamId: row.stream_id });

/** Finds lines. */
export class SearchStore {
  constructor(private readonly schema: Schema) {}

  /** The stretches of time that may hold what is looked for, newest first. */
  async segments({ from, to, before }: Search): Promise<Segment[]> {
    const { rows } = await this.schema.query<{ starts: number; ends: number; indexed: boolean }>(
      'search.segments',
      `SELECT s.starts, s.ends, s.indexed FROM logs.segments() s ORDER BY s.starts DESC`,
    );
    const end = Math.min(to ?? Infinity, before === null ? Infinity : before.time + 1);
    return rows
      .map(({ starts, ends, indexed }) => ({
        starts: Number.isFinite(starts) ? starts : -Infinity,
        ends: Number.isFinite(ends) ? ends : Infinity,
        indexed,
      }))
      .filter((segment) => segment.starts < end && segment.ends > (from ?? -Infinity));
  }

  /** Looks at the newest lines of the streams and levels in question, in order of time: those that match, and how far it looked. */
  async look(search: Search, count: number, deadline: Deadline): Promise<Look> {
    const parameters = new Parameters();
    const candidates = await this.#candidates(search, count, parameters, deadline);
    const text = `WITH candidate AS MATERIALIZED (${candidates})
      SELECT ${KEY}, NULL::bigint AS looked FROM candidate e WHERE ${allOf(whereText(search, false, parameters))}
      UNION ALL (SELECT ${KEY}, count(*) OVER () FROM candidate ORDER BY ${KEY} LIMIT 1)`;
    const { rows } = await timed<KeyRow & { looked: number | null }>(
      this.schema,
      { name: 'search.look', text, values: parameters.values },
      deadline,
    );
    const end = rows.find((row) => row.looked !== null);
    const keys = rows.filter((row) => row.looked === null).map(keyOf);
    return { keys, last: end ? keyOf(end) : null, looked: end?.looked ?? 0 };
  }

  async #candidates(search: Search, count: number, parameters: Parameters, deadline: Deadline): Promise<string> {
    const columns = 'e.time, e.seq, e.line, e.stream_id, e.message, e.fields';
    const order = `ORDER BY e.time DESC, e.seq DESC, e.line DESC, e.stream_id DESC LIMIT ${parameters.add(count)}`;
    const window = (since: number | null): string => {
      const conditions = [...whereTime(search, parameters), ...whereKind(search, parameters)];
      if (since !== null) conditions.push(`e.time >= ${parameters.time(since)}`);
      return `SELECT ${columns} FROM logs.entry e WHERE ${allOf(conditions)} ${order}`;
    };
    if (search.streamIds === null && search.levels === null) return window(null);
    const places = await this.#places(search, count, deadline);
    if (places.length > MAX_PLACES) return window(places.at(-1)?.minute ?? null);
    const minutes = encodeColumn(
      'timestamptz',
      places.map((place) => place.minute),
    );
    const streams = encodeColumn(
      'int4',
      places.map((place) => place.stream_id),
    );
    const conditions = [...whereTime(search, parameters), ...whereKind({ ...search, streamIds: null }, parameters)];
    return `SELECT ${columns}
      FROM unnest(${parameters.add(minutes)}::timestamptz[], ${parameters.add(streams)}::integer[]) AS p (minute, stream_id)
      CROSS JOIN LATERAL (
        SELECT e.* FROM logs.entry e
        WHERE e.stream_id = p.stream_id AND e.time >= p.minute AND e.time < p.minute + interval '1 minute' AND ${allOf(conditions)}
        ORDER BY e.time DESC, e.seq DESC, e.line DESC LIMIT ${parameters.add(count)}) e ${order}`;
  }

  /**
   * The minutes and streams in which the newest lines of the streams and levels in question are, as the volume knows them: enough for `count`
   * lines, or all. What was longer ago is looked at only when the newest does not suffice.
   */
  async #places(search: Search, count: number, deadline: Deadline): Promise<{ minute: number; stream_id: number }[]> {
    const end = Math.min(search.to ?? Infinity, search.before?.time ?? Infinity, Date.now() + AHEAD_MS);
    const begin = search.from ?? 0;
    for (const back of LOOKS_BACK) {
      const since = Math.max(begin, end - back);
      const parameters = new Parameters();
      const top = parameters.time(Math.floor(end / MINUTE_MS) * MINUTE_MS);
      const bottom = parameters.time(Math.floor(since / MINUTE_MS) * MINUTE_MS);
      const need = parameters.add(count);
      // The newest minute counts for nothing: part of it may lie beyond the end.
      const text = `SELECT minute, stream_id, so_far >= ${need} AS enough FROM (
          SELECT e.minute, e.stream_id,
            sum(sum(e.lines) FILTER (WHERE e.minute < ${top})) OVER (ORDER BY e.minute DESC) AS so_far,
            sum(sum(e.lines) FILTER (WHERE e.minute < ${top}))
              OVER (ORDER BY e.minute DESC RANGE BETWEEN UNBOUNDED PRECEDING AND interval '1 second' PRECEDING) AS newer
          FROM logs.volume e
          WHERE e.minute BETWEEN greatest(${bottom}, (SELECT date_trunc('minute', logs.floor()))) AND ${top} AND e.lines > 0
            AND ${allOf(whereKind(search, parameters))}
          GROUP BY e.minute, e.stream_id) v
        WHERE coalesce(newer, 0) < ${need} ORDER BY minute DESC LIMIT ${MAX_PLACES + 1}`;
      const statement = { name: 'search.places', text, values: parameters.values };
      const { rows } = await timed<{ minute: number; stream_id: number; enough: boolean | null }>(
        this.schema,
        statement,
        deadline,
      );
      if (since === begin || rows.length > MAX_PLACES || rows.at(-1)?.enough) return rows;
    }
    return [];
  }

  /** The newest lines that match within a stretch of time, found by whichever index serves best. */
  async find(search: Search, isIndexed: boolean, count: number, deadline: Deadline): Promise<EntryKey[]> {
    const parameters = new Parameters();
    const conditions = [
      ...whereTime(search, parameters),
      ...whereKind(search, parameters),
      ...whereText(search, isIndexed, parameters),
    ];
    // OFFSET keeps the planner from walking back in time until enough matches have come by: for a rare word that is for ever.
    const text = `SELECT ${KEY} FROM (SELECT ${KEY} FROM logs.entry e WHERE ${allOf(conditions)} OFFSET 0) e
      ORDER BY ${NEWEST_FIRST} LIMIT ${parameters.add(count)}`;
    const settings = isIndexed ? BY_INDEX : undefined;
    const { rows } = await timed<KeyRow>(
      this.schema,
      { name: 'search.find', text, values: parameters.values, settings },
      deadline,
    );
    return rows.map(keyOf);
  }

  /** The lines of these keys, in the same order; those at the end are left out when they are too many bytes. */
  async read(keys: EntryKey[], deadline: Deadline): Promise<StoredLogEntry[]> {
    const [newest, oldest] = [keys[0], keys.at(-1)];
    if (!newest || !oldest) return [];
    const columns = [
      encodeColumn(
        'timestamptz',
        keys.map((key) => key.time),
      ),
      encodeColumn(
        'int8',
        keys.map((key) => key.seq),
      ),
      encodeColumn(
        'int2',
        keys.map((key) => key.line),
      ),
      encodeColumn(
        'int4',
        keys.map((key) => key.streamId),
      ),
    ];
    const text = `SELECT * FROM (
        SELECT k.place, e.*, s.agent_id, s.source, s.name,
          sum(octet_length(e.message) + coalesce(octet_length(e.fields::text), 0) + 300) OVER (ORDER BY k.place) AS bytes
        FROM unnest($1::timestamptz[], $2::bigint[], $3::smallint[], $4::integer[]) WITH ORDINALITY AS k (time, seq, line, stream_id, place)
        CROSS JOIN LATERAL (
          SELECT e.* FROM logs.entry e WHERE e.time BETWEEN $5 AND $6
            AND e.time = k.time AND e.seq = k.seq AND e.line = k.line AND e.stream_id = k.stream_id LIMIT 1) e
        JOIN logs.stream s ON s.id = e.stream_id) found
      WHERE bytes <= ${MAX_BYTES} OR place = 1 ORDER BY place`;
    const values = [...columns, new Date(oldest.time), new Date(newest.time)];
    const { rows } = await timed<EntryResult>(this.schema, { name: 'search.read', text, values }, deadline);
    return rows.map((row) => ({
      id: formatEntryId(keyOf(row)),
      agentId: row.agent_id,
      time: row.time,
      source: row.source,
      name: row.name,
      level: levelOf(row.level),
      message: row.message,
      fields: row.fields ?? {},
    }));
  }
}
