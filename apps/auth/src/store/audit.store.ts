import type { Actor, AuditEntry, AuditFact, InputOf, auditList } from '@lapwing/contracts';
import type { SecretKey } from '@lapwing/service';
import { BEGINNING, ChainWalk, canonicalJson, signedText, type AuditContent } from '../domain/audit-chain.js';
import type { Statements } from '@lapwing/postgres';
import { setImmediate } from 'node:timers/promises';
import type { Database } from './database.js';

const PURPOSE = 'audit';
const PAGE = 1000;
/** So many entries are checked before others have their turn. */
const BREATH = 100;

/** Who did it, as far as the trail tells. */
export type AuditActor = Pick<Actor, 'name' | 'userId' | 'address'>;

interface Row extends Record<string, unknown>, AuditContent {
  hash: string;
}

const COLUMNS = `id, time, type, action, target, "user", user_id AS "userId", address, details, hash`;

/** What came of checking the chain. */
export interface Verdict {
  /** The last entry that is right. */
  entries: number;
  /** Whether the walk is over. */
  isEnd: boolean;
  /** `id` is null when no entry is to blame, but the end of the trail. */
  fault: { id: number | null; fault: string } | null;
}

/** The audit trail: entries are added, and never changed. */
export class AuditStore {
  constructor(
    private readonly database: Database,
    private readonly key: SecretKey,
    private readonly clock: () => number,
  ) {}

  /**
   * Adds an entry in the transaction of what it tells about: both are kept, or neither.
   * @param event where it came as an event: its id, so that it is kept once, and its time.
   */
  async append(
    transaction: Statements,
    actor: AuditActor,
    fact: AuditFact,
    event?: { eventId: string; time: number },
  ): Promise<void> {
    const head = await this.#head(transaction);
    if (event && (await this.#has(transaction, event.eventId))) return;
    const entry: AuditContent = {
      id: head.last_id + 1,
      time: event?.time ?? this.clock(),
      type: fact.type,
      action: fact.action,
      target: printable(fact.target),
      user: printable(actor.name),
      userId: actor.userId,
      address: actor.address,
      details: canonicalJson(fact.details ?? {}),
    };
    const hash = this.key.sign(PURPOSE, signedText(head.hash, entry));
    await transaction.query(
      `INSERT INTO auth.audit (id, time, type, action, target, "user", user_id, address, details, event_id, hash)
       VALUES ($1, to_timestamp($2::double precision / 1000), $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [...Object.values(entry), event?.eventId ?? null, hash],
    );
    await transaction.query('UPDATE auth.audit_head SET last_id = $1, hash = $2, signature = $3', [
      entry.id,
      hash,
      this.#signHead(entry.id, hash),
    ]);
  }

  /** Adds an entry that stands for itself. */
  record(actor: AuditActor, fact: AuditFact, event?: { eventId: string; time: number }): Promise<void> {
    return this.database.transaction('audit.append', (transaction) => this.append(transaction, actor, fact, event));
  }

  /** A page of the trail, the newest first, and how many entries fit the filters. */
  async list(filter: InputOf<typeof auditList>): Promise<{ entries: AuditEntry[]; total: number }> {
    const where = `($1::text IS NULL OR type = $1) AND ($2::text IS NULL OR action = $2)
      AND ($3::text IS NULL OR lower("user") = lower($3))
      AND ($4::float8 IS NULL OR time >= to_timestamp($4::float8 / 1000)) AND ($5::float8 IS NULL OR time < to_timestamp($5::float8 / 1000))`;
    const values = [filter.type, filter.action, filter.user, filter.from, filter.to].map((value) => value ?? null);
    const [page, count] = await Promise.all([
      this.database.query<Row>(
        'audit.list',
        `SELECT ${COLUMNS} FROM auth.audit WHERE ${where} AND ($6::bigint IS NULL OR id < $6) ORDER BY id DESC LIMIT $7 OFFSET $8`,
        [...values, filter.before ?? null, filter.limit, filter.offset],
      ),
      this.database.query<{ total: number }>(
        'audit.count',
        `SELECT count(*) AS total FROM auth.audit WHERE ${where}`,
        values,
      ),
    ]);
    const entries = page.rows.map((row) => ({ ...row, details: JSON.parse(row.details) as AuditEntry['details'] }));
    return { entries, total: count.rows[0]?.total ?? 0 };
  }

  /**
   * Checks the chain behind an entry that was found right before.
   * @param goOn asked after each page whether there is time for another.
   * @returns how far it came; whether that is the end; the first fault, where there is one.
   */
  async verify(after = 0, goOn: () => boolean = () => true): Promise<Verdict> {
    const from = await this.#checkpoint(after);
    if (!from) return { entries: 0, isEnd: true, fault: { id: after, fault: `entry ${after} is missing` } };
    const walk = new ChainWalk((text) => this.key.sign(PURPOSE, text), from);
    for (let isEnd = false; !isEnd;) {
      const { rows } = await this.database.query<Row>(
        'audit.walk',
        `SELECT ${COLUMNS} FROM auth.audit WHERE id > $1 ORDER BY id LIMIT ${PAGE}`,
        [walk.end.id],
      );
      for (const [index, row] of rows.entries()) {
        const fault = walk.next(row);
        if (fault) return { entries: walk.end.id, isEnd: true, fault };
        if (index % BREATH === 0) await setImmediate();
      }
      isEnd = rows.length < PAGE;
      if (!isEnd && !goOn()) return { entries: walk.end.id, isEnd: false, fault: null };
    }
    const fault = await this.#faultOfEnd(walk.end);
    return { entries: walk.end.id, isEnd: true, fault: fault === null ? null : { id: null, fault } };
  }

  /** The hash of an entry that was checked before: had it been changed since, the next one would not follow it. */
  async #checkpoint(id: number): Promise<{ id: number; hash: string } | undefined> {
    if (id === 0) return { id, hash: BEGINNING };
    const text = 'SELECT id, hash FROM auth.audit WHERE id = $1';
    return (await this.database.query<{ id: number; hash: string }>('audit.checkpoint', text, [id])).rows[0];
  }

  /** What is wrong with the end of the trail, in words. */
  async #faultOfEnd(end: { id: number; hash: string }): Promise<string | null> {
    const { rows } = await this.database.query<{ last_id: number; hash: string; signature: string }>(
      'audit.head',
      'SELECT last_id, hash, signature FROM auth.audit_head',
    );
    const head = rows[0] ?? { last_id: 0, hash: BEGINNING, signature: this.#signHead(0, BEGINNING) };
    if (head.signature !== this.#signHead(head.last_id, head.hash))
      return 'the end of the trail was changed by somebody without the key';
    // Entries that were added while the walk was under way are not its business.
    if (head.last_id < end.id || (head.last_id === end.id && head.hash !== end.hash))
      return 'the end of the trail is not what its head says';
    if (head.last_id > end.id && !(await this.#exists(end.id + 1)))
      return `the trail ends at entry ${end.id}, and had ${head.last_id}`;
    return null;
  }

  /** The end of the chain, which nobody else may move until this transaction is over. */
  async #head(transaction: Statements): Promise<{ last_id: number; hash: string }> {
    const lock = 'SELECT last_id, hash FROM auth.audit_head FOR UPDATE';
    const { rows } = await transaction.query<{ last_id: number; hash: string }>(lock);
    if (rows[0]) return rows[0];
    await transaction.query(
      'INSERT INTO auth.audit_head (last_id, hash, signature) VALUES (0, $1, $2) ON CONFLICT DO NOTHING',
      [BEGINNING, this.#signHead(0, BEGINNING)],
    );
    return this.#head(transaction);
  }

  async #exists(id: number): Promise<boolean> {
    return (await this.database.query('audit.exists', 'SELECT 1 FROM auth.audit WHERE id = $1', [id])).count > 0;
  }

  async #has(transaction: Statements, eventId: string): Promise<boolean> {
    return (await transaction.query('SELECT 1 FROM auth.audit WHERE event_id = $1', [eventId])).count > 0;
  }

  #signHead(id: number, hash: string): string {
    return this.key.sign(PURPOSE, JSON.stringify(['head', id, hash]));
  }
}

/** Text that a terminal and a CSV survive: control characters and halves of characters become `?`. */
function printable(text: string): string {
  return text.replace(/\p{Cc}|\p{Cs}/gu, '?').slice(0, 300);
}
