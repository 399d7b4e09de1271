import type { Delivery } from '@lapwing/contracts';
import { instant, type Schema, type Statements } from '@lapwing/postgres';
import type { AlertMessage } from '../domain/message.js';
import { clean } from './partition.store.js';

/** A message that somebody is to get. */
export interface NewDelivery {
  id: string;
  channelId: string;
  channel: 'email' | 'webhook';
  name: string;
  service: string;
  target: string;
  message: AlertMessage;
  /** The alerts it tells of, those left out of the message included. */
  occurrences: number[];
}

/** A message on its way. */
export interface OpenDelivery {
  id: string;
  channelId: string;
  status: Delivery['status'];
  attempts: number;
  message: AlertMessage;
  name: string;
}

const MAX_IDS = 100;

const columns = `id, channel, nullif(channel_id, 'email') AS "channelId", name, service, target, kind, alert_ids AS "alertIds", alerts, status,
  attempts, code, error, decided_at AS "decidedAt", queued_at AS "queuedAt", attempted_at AS "attemptedAt", ended_at AS "endedAt",
  next_at AS "nextAt", size`;

/** Messages, and what became of them. */
export class DeliveryStore {
  constructor(private readonly schema: Schema) {}

  /** Decides that messages go out. */
  async add(statements: Statements, deliveries: readonly NewDelivery[], now: number): Promise<void> {
    for (const { occurrences, message, ...one } of deliveries) {
      const ids = message.alerts.slice(0, MAX_IDS).map(({ id }) => id);
      await statements.query(
        `INSERT INTO alerting.delivery (id, channel_id, channel, name, service, target, kind, message, alert_ids, alerts, status, decided_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'decided', ${instant('$11')})`,
        [
          one.id,
          one.channelId,
          one.channel,
          one.name,
          one.service,
          one.target,
          message.kind,
          clean(message),
          ids,
          message.total,
          now,
        ],
      );
      await statements.query(
        'INSERT INTO alerting.delivery_alert (occurrence, delivery_id) SELECT o, $2 FROM unnest($1::bigint[]) o ON CONFLICT DO NOTHING',
        [occurrences, one.id],
      );
    }
  }

  /** Notes a trial, which goes out at once and only once. */
  async noteTrial(trial: {
    to: Pick<NewDelivery, 'channel' | 'name' | 'service' | 'target'>;
    message: AlertMessage;
    code: number | null;
    /** What went wrong; empty when nothing did. */
    error: string;
    startedAt: number;
    endedAt: number;
  }): Promise<void> {
    const { to, message, code, error, startedAt, endedAt } = trial;
    const text = clean(message);
    const status = error === '' ? 'sent' : 'failed';
    await this.schema.query(
      'delivery.trial',
      `INSERT INTO alerting.delivery (id, channel_id, channel, name, service, target, kind, message, alert_ids, alerts, status, attempts, code,
         error, size, decided_at, queued_at, attempted_at, ended_at)
       VALUES ($1, 'email', $2, $3, $4, $5, 'test', $6, '{}', 0, $7, 1, $8, $9, $10, ${instant('$11')}, ${instant('$11')}, ${instant('$11')},
         ${instant('$12')})`,
      [
        message.id,
        to.channel,
        to.name,
        to.service,
        to.target,
        text,
        status,
        code,
        error,
        text.length,
        startedAt,
        endedAt,
      ],
    );
  }

  /** Who was told, or is being told, that alerts fire: the channels of each alert. */
  async tellers(statements: Statements, occurrences: readonly number[]): Promise<Map<number, string[]>> {
    const { rows } = await statements.query<{ occurrence: number; channels: string[] }>(
      `SELECT d.occurrence, array_agg(DISTINCT e.channel_id ORDER BY e.channel_id) AS channels
       FROM alerting.delivery_alert d JOIN alerting.delivery e ON e.id = d.delivery_id
       WHERE d.occurrence = ANY($1) AND e.kind IN ('firing', 'escalation', 'summary') AND e.status <> 'failed' GROUP BY d.occurrence`,
      [occurrences],
    );
    return new Map(rows.map(({ occurrence, channels }) => [occurrence, channels]));
  }

  /**
   * What must be handed to the queue: decided, due for another try, or lost by the queue. What a channel is told of an alert goes in order: that it is
   * over waits for the end of that it fires.
   */
  async toQueue(
    at: number,
    lostAfterMs: number,
    limit: number,
  ): Promise<{ id: string; attempts: number; nextAt: number | null }[]> {
    const { rows } = await this.schema.query<{ id: string; attempts: number; nextAt: number | null }>(
      'delivery.to_queue',
      `SELECT id, attempts, next_at AS "nextAt" FROM alerting.delivery WHERE ended_at IS NULL AND (
         status = 'decided' OR (status = 'retrying' AND next_at <= ${instant('$1')})
         OR (status IN ('queued', 'sending') AND greatest(queued_at, attempted_at) < ${instant('$1 - $2')})
       ) AND NOT EXISTS (
         SELECT FROM alerting.delivery_alert mine JOIN alerting.delivery_alert others USING (occurrence)
         JOIN alerting.delivery older ON older.id = others.delivery_id
         WHERE mine.delivery_id = delivery.id AND older.channel_id = delivery.channel_id AND older.number < delivery.number
           AND older.ended_at IS NULL)
       ORDER BY number LIMIT $3`,
      [at, lostAfterMs, limit],
    );
    return rows;
  }

  /** Notes that the queue has it, unless its attempt has begun, or was put off, in the meantime. */
  async queued(id: string, attempt: number, nextAt: number | null, at: number): Promise<void> {
    await this.schema.query(
      'delivery.queued',
      `UPDATE alerting.delivery SET status = 'queued', queued_at = ${instant('$4')}
       WHERE id = $1 AND ended_at IS NULL AND attempts < $2 AND next_at IS NOT DISTINCT FROM ${instant('$3')}`,
      [id, attempt, nextAt, at],
    );
  }

  /** Begins an attempt. Returns undefined when there is nothing to do any more. */
  async begin(id: string, attempt: number, at: number): Promise<OpenDelivery | undefined> {
    const { rows } = await this.schema.query<OpenDelivery>(
      'delivery.begin',
      `UPDATE alerting.delivery SET status = 'sending', attempts = $2, attempted_at = ${instant('$3')}, next_at = NULL
       WHERE id = $1 AND ended_at IS NULL AND attempts <= $2 AND (next_at IS NULL OR attempts < $2)
       RETURNING id, channel_id AS "channelId", status, attempts, message, name`,
      [id, attempt, at],
    );
    return rows[0];
  }

  /** Whether the channel of a message was told that any of its alerts fires. */
  async hasTold(id: string): Promise<boolean> {
    const { rows } = await this.schema.query(
      'delivery.has_told',
      `SELECT 1 FROM alerting.delivery own JOIN alerting.delivery_alert mine ON mine.delivery_id = own.id
       JOIN alerting.delivery_alert others USING (occurrence) JOIN alerting.delivery told ON told.id = others.delivery_id
       WHERE own.id = $1 AND told.channel_id = own.channel_id AND told.status = 'sent' AND told.kind IN ('firing', 'escalation', 'summary')
       LIMIT 1`,
      [id],
    );
    return rows.length > 0;
  }

  /** Takes back that an attempt has begun: it is made later. */
  async postpone(id: string, until: number): Promise<void> {
    await this.schema.query(
      'delivery.postpone',
      `UPDATE alerting.delivery SET status = 'retrying', attempts = attempts - 1, attempted_at = NULL, next_at = ${instant('$2')}
       WHERE id = $1 AND ended_at IS NULL`,
      [id, until],
    );
  }

  /** Notes what came of an attempt. */
  async end(
    id: string,
    outcome: {
      status: 'sent' | 'retrying' | 'failed';
      code: number | null;
      error: string;
      size: number;
      at: number;
      nextAt: number | null;
    },
  ): Promise<void> {
    const { status, code, error, size, at, nextAt } = outcome;
    await this.schema.query(
      'delivery.end',
      `UPDATE alerting.delivery SET status = $2, code = $3, error = $4, size = $5, next_at = ${instant('$7')},
         ended_at = CASE WHEN $2 = 'retrying' THEN NULL ELSE ${instant('$6')} END
       WHERE id = $1 AND ended_at IS NULL`,
      [id, status, code, error, size, at, nextAt],
    );
  }

  /** Deliveries, the newest first. */
  async list(filter: {
    limit: number;
    offset: number;
    channel: string | null;
    status: string | null;
    alertId: string | null;
    /** What was decided before is not shown any more. */
    keptSince: number;
  }): Promise<{ deliveries: Delivery[]; total: number }> {
    const where = `($1::text IS NULL OR channel = $1) AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR EXISTS (
      SELECT FROM alerting.delivery_alert d JOIN alerting.alert a USING (occurrence) WHERE d.delivery_id = delivery.id AND a.alert_id = $3)) AND decided_at >= ${instant('$4')}`;
    const values = [filter.channel, filter.status, filter.alertId, filter.keptSince];
    const [page, count] = await Promise.all([
      this.schema.query<Delivery>(
        'delivery.list',
        `SELECT ${columns} FROM alerting.delivery WHERE ${where} ORDER BY number DESC LIMIT $5 OFFSET $6`,
        [...values, filter.limit, filter.offset],
      ),
      this.schema.query<{ n: number }>(
        'delivery.count',
        `SELECT count(*) AS n FROM alerting.delivery WHERE ${where}`,
        values,
      ),
    ]);
    return { deliveries: page.rows, total: count.rows[0]?.n ?? 0 };
  }
}
