import { instant, type Schema, type Statements } from '@lapwing/postgres';
import { alertColumns, type AlertRow } from './alert-row.js';

/** Why something is to be told. */
export type NoticeKind = 'firing' | 'resolved' | 'escalation';

/** Something that is to be told. */
export interface Notice {
  occurrence: number;
  kind: NoticeKind;
  groupKey: string;
  /** When it is due, milliseconds since 1970. */
  dueAt: number;
  /** To whom alone; null: to all. */
  channels: string[] | null;
  upgraded: boolean;
  /** Whether it waits for news of what its resource stands on: then nothing makes it due before its time. */
  settles: boolean;
  /** When the sample that led to it was taken, and when it was put into an incident: milliseconds since 1970; null where that does not count. */
  watchedAt: number | null;
  batchedAt: number | null;
}

/** A notice with the alert it is about. */
export interface DueNotice extends AlertRow {
  kind: NoticeKind;
  groupKey: string;
  channels: string[] | null;
  upgraded: boolean;
  held: string;
  watchedAt: number | null;
  batchedAt: number | null;
}

/** That notices were held back by quiet hours. */
export const QUIET_HOURS = 'quiet hours';

const MAX_DUE = 20_000;
/** As much as an alert says of why it is quiet. */
const MAX_WHY = 500;

/** What is still to be told. */
export class NoticeStore {
  constructor(private readonly schema: Schema) {}

  /** Adds notices; one that is there already keeps its time, unless it is told of something worse now. */
  async add(statements: Statements, notices: readonly Notice[]): Promise<void> {
    if (notices.length === 0) return;
    await statements.query(
      `INSERT INTO alerting.notice (occurrence, kind, group_key, due_at, channels, upgraded, settles, watched_at, batched_at)
       SELECT x.occurrence, x.kind, x."groupKey", ${instant('x."dueAt"')}, x.channels, x.upgraded, x.settles,
         ${instant('x."watchedAt"')}, ${instant('x."batchedAt"')}
       FROM jsonb_to_recordset($1::jsonb) AS x(occurrence bigint, kind text, "groupKey" text, "dueAt" float8, channels text[], upgraded boolean, settles boolean,
         "watchedAt" float8, "batchedAt" float8)
       ON CONFLICT (occurrence, kind) DO UPDATE SET upgraded = notice.upgraded OR excluded.upgraded,
         due_at = CASE WHEN excluded.upgraded THEN least(notice.due_at, excluded.due_at) ELSE notice.due_at END,
         held = CASE WHEN excluded.upgraded THEN '' ELSE notice.held END,
         channels = CASE WHEN notice.channels IS NULL OR excluded.channels IS NULL THEN NULL
           ELSE ARRAY(SELECT DISTINCT c FROM unnest(notice.channels || excluded.channels) c) END`,
      [JSON.stringify(notices)],
    );
  }

  /** What is due, in whole groups: what is due soon in a group goes with what is due now. */
  async due(at: number): Promise<DueNotice[]> {
    const { rows } = await this.schema.query<DueNotice>(
      'notice.due',
      `WITH groups AS (
         SELECT group_key, kind FROM alerting.notice WHERE due_at <= ${instant('$1')} GROUP BY group_key, kind ORDER BY min(due_at) LIMIT 100
       )
       SELECT n.kind, n.group_key AS "groupKey", n.channels, n.upgraded, n.held,
         n.watched_at AS "watchedAt", n.batched_at AS "batchedAt", ${alertColumns}
       FROM alerting.notice n JOIN groups USING (group_key, kind) JOIN alerting.alert a USING (occurrence)
       WHERE (n.held = '' AND NOT n.settles) OR n.due_at <= ${instant('$1')}
       ORDER BY a.level, a.score DESC, a.occurrence LIMIT $2`,
      [at, MAX_DUE],
    );
    return rows;
  }

  /** Locks notices for a transaction. Returns those that are still there, so that none is told twice. */
  async lock(statements: Statements, notices: readonly DueNotice[]): Promise<Set<string>> {
    const { rows } = await statements.query<{ key: string }>(
      `SELECT occurrence || ' ' || kind AS key FROM alerting.notice WHERE occurrence = ANY($1) FOR UPDATE`,
      [notices.map(({ occurrence }) => occurrence)],
    );
    return new Set(rows.map(({ key }) => key));
  }

  /** Puts notices off, and says on their alerts why nobody is told yet. */
  async hold(
    statements: Statements,
    held: readonly { occurrence: number; kind: NoticeKind; until: number; why: string; inhibitedBy: string | null }[],
  ): Promise<void> {
    if (held.length === 0) return;
    const short = held.map((one) => ({ ...one, why: one.why.slice(0, MAX_WHY) }));
    const records = 'occurrence bigint, kind text, until float8, why text, "inhibitedBy" text';
    await statements.query(
      `UPDATE alerting.notice n SET due_at = ${instant('x.until')}, held = x.why
       FROM jsonb_to_recordset($1::jsonb) AS x(${records}) WHERE n.occurrence = x.occurrence AND n.kind = x.kind`,
      [JSON.stringify(short)],
    );
    await statements.query(
      `UPDATE alerting.alert a SET quiet = x.why, inhibited_by = x."inhibitedBy"
       FROM jsonb_to_recordset($1::jsonb) AS x(${records})
       WHERE a.occurrence = x.occurrence AND (a.quiet, coalesce(a.inhibited_by, '')) <> (x.why, coalesce(x."inhibitedBy", ''))`,
      [JSON.stringify(short)],
    );
  }

  /** Takes notices away, and says on their alerts why nobody is told; an empty reason where somebody is. */
  async remove(
    statements: Statements,
    done: readonly { occurrence: number; kind: NoticeKind; why: string }[],
  ): Promise<void> {
    if (done.length === 0) return;
    const records = 'occurrence bigint, kind text, why text';
    await statements.query(
      `DELETE FROM alerting.notice n USING jsonb_to_recordset($1::jsonb) AS x(${records})
       WHERE n.occurrence = x.occurrence AND n.kind = x.kind`,
      [JSON.stringify(done)],
    );
    await statements.query(
      `UPDATE alerting.alert a SET quiet = x.why, inhibited_by = NULL FROM jsonb_to_recordset($1::jsonb) AS x(${records})
       WHERE a.occurrence = x.occurrence AND x.kind <> 'resolved'`,
      [JSON.stringify(done)],
    );
  }

  /** Takes away what need not be told any more of alerts that are over; what quiet hours hold back is summed up all the same. */
  async forgetOver(statements: Statements, occurrences: readonly number[]): Promise<void> {
    await statements.query(
      `DELETE FROM alerting.notice WHERE occurrence = ANY($1) AND kind <> 'resolved' AND NOT (kind = 'firing' AND held = $2)`,
      [occurrences, QUIET_HOURS],
    );
  }

  /** Takes away what somebody knows already. */
  async forgetKnown(statements: Statements, occurrences: readonly number[]): Promise<void> {
    await statements.query(`DELETE FROM alerting.notice WHERE occurrence = ANY($1) AND kind <> 'resolved'`, [
      occurrences,
    ]);
  }

  /** Makes everything that is held due, because silences, rules or what stands on what have changed. */
  async reconsider(at: number): Promise<void> {
    await this.schema.query(
      'notice.reconsider',
      `UPDATE alerting.notice SET due_at = ${instant('$1')} WHERE held <> '' AND due_at > ${instant('$1')}`,
      [at],
    );
  }
}
