import { instant, type Schema, type Statements } from '@lapwing/postgres';
import type { Facts } from './agent.store.js';

/** Somebody who asks to be let in. Times in milliseconds since 1970. */
export interface RegistrationRow extends Facts, Record<string, unknown> {
  agentId: string;
  state: 'pending' | 'quarantined' | 'rejected';
  rejectedUntil: number | null;
}

const COLUMNS = `agent_id AS "agentId", public_key AS "publicKey", name, hostname, architecture, os, version, machine, address, block, state,
  requested_at AS "requestedAt", rejected_until AS "rejectedUntil"`;

/** Those who ask to be let in. */
export class RegistrationStore {
  constructor(private readonly schema: Schema) {}

  /** Those who wait, the oldest first. */
  async waiting(): Promise<RegistrationRow[]> {
    const { rows } = await this.schema.query<RegistrationRow>(
      'registration.waiting',
      `SELECT ${COLUMNS} FROM fleet.registration WHERE state <> 'rejected' ORDER BY requested_at, agent_id LIMIT 1000`,
    );
    return rows;
  }

  /** Those who wait under one id, the oldest first. */
  async waitingFor(statements: Statements, agentId: string): Promise<RegistrationRow[]> {
    const { rows } = await statements.query<RegistrationRow>(
      `SELECT ${COLUMNS} FROM fleet.registration WHERE agent_id = $1 AND state <> 'rejected' ORDER BY requested_at LIMIT 100`,
      [agentId],
    );
    return rows;
  }

  /** Who asks for an id with one key. */
  async find(statements: Statements, agentId: string, publicKey: string): Promise<RegistrationRow | undefined> {
    const { rows } = await statements.query<RegistrationRow>(
      `SELECT ${COLUMNS} FROM fleet.registration WHERE agent_id = $1 AND public_key = $2`,
      [agentId, publicKey],
    );
    return rows[0];
  }

  /** How many wait in all, from one block of addresses, and under one id. */
  async count(
    statements: Statements,
    block: string,
    agentId: string,
  ): Promise<{ all: number; near: number; alike: number }> {
    const { rows } = await statements.query<{ all: number; near: number; alike: number }>(
      `SELECT count(*) AS all, count(*) FILTER (WHERE block = $1) AS near, count(*) FILTER (WHERE agent_id = $2) AS alike
       FROM fleet.registration WHERE state <> 'rejected'`,
      [block, agentId],
    );
    return rows[0] ?? { all: 0, near: 0, alike: 0 };
  }

  /** Notes that somebody asks. */
  async ask(statements: Statements, agentId: string, facts: Facts, state: 'pending' | 'quarantined'): Promise<void> {
    await statements.query(
      `INSERT INTO fleet.registration AS r (agent_id, public_key, name, hostname, architecture, os, version, machine, address, block, state, requested_at, asked_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $12, $10, ${instant('$11')}, ${instant('$11')})
       ON CONFLICT (agent_id, public_key) DO UPDATE SET name = excluded.name, hostname = excluded.hostname, version = excluded.version,
         address = excluded.address, block = excluded.block, asked_at = excluded.asked_at, state = excluded.state,
         requested_at = CASE WHEN r.state = 'rejected' THEN excluded.requested_at ELSE r.requested_at END, rejected_until = NULL`,
      [
        agentId,
        facts.publicKey,
        facts.name,
        facts.hostname,
        facts.architecture,
        facts.os,
        facts.version,
        facts.machine,
        facts.address,
        state,
        facts.requestedAt,
        facts.block,
      ],
    );
  }

  /** Refuses one who waits under an id, or all of them, until then. Returns how many. */
  async reject(statements: Statements, agentId: string, publicKey: string | null, until: number): Promise<number> {
    const { count } = await statements.query(
      `UPDATE fleet.registration SET state = 'rejected', rejected_until = ${instant('$3')}
       WHERE agent_id = $1 AND ($2::text IS NULL OR public_key = $2) AND state <> 'rejected'`,
      [agentId, publicKey, until],
    );
    return count;
  }

  /** An agent of this id is let in: whoever else asks for it is another machine. */
  async quarantine(statements: Statements, agentId: string): Promise<void> {
    await statements.query(
      `UPDATE fleet.registration SET state = 'quarantined' WHERE agent_id = $1 AND state = 'pending'`,
      [agentId],
    );
  }

  /** Forgets one who asked, or all of one id. */
  async forget(statements: Statements, agentId: string, publicKey: string | null): Promise<void> {
    await statements.query(
      'DELETE FROM fleet.registration WHERE agent_id = $1 AND ($2::text IS NULL OR public_key = $2)',
      [agentId, publicKey],
    );
  }

  /** Forgets those who have not asked since an instant, unless they are rejected still. */
  async tidy(statements: Statements, before: number, now: number): Promise<void> {
    await statements.query(
      `DELETE FROM fleet.registration
       WHERE CASE WHEN state = 'rejected' THEN rejected_until < ${instant('$2')} ELSE asked_at < ${instant('$1')} END`,
      [before, now],
    );
  }
}
