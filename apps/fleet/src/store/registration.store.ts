import type { Schema, Statements } from '@lapwing/postgres';
import type { Facts } from './agent.store.js';

/** Somebody who asks to be let in. Times in milliseconds since 1970. */
export interface RegistrationRow extends Facts, Record<string, unknown> {
  agentId: string;
  state: 'pending' | 'quarantined' | 'rejected';
  rejectedUntil: number | null;
}

const COLUMNS = `agent_id AS "agentId", public_key AS "publicKey", name, hostname, architecture, os, version, machine, address, state,
  requested_at AS "requestedAt", rejected_until AS "rejectedUntil"`;
const time = (parameter: string): string => `to_timestamp(${parameter}::float8 / 1000)`;

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

  /** All who ask for one id. */
  async of(statements: Statements, agentId: string): Promise<RegistrationRow[]> {
    const { rows } = await statements.query<RegistrationRow>(
      `SELECT ${COLUMNS} FROM fleet.registration WHERE agent_id = $1 ORDER BY requested_at LIMIT 100`,
      [agentId],
    );
    return rows;
  }

  /** How many there are. */
  async count(statements: Statements): Promise<number> {
    const { rows } = await statements.query<{ n: number }>('SELECT count(*) AS n FROM fleet.registration');
    return rows[0]?.n ?? 0;
  }

  /** Notes that somebody asks. */
  async ask(statements: Statements, agentId: string, facts: Facts, state: 'pending' | 'quarantined'): Promise<void> {
    await statements.query(
      `INSERT INTO fleet.registration AS r (agent_id, public_key, name, hostname, architecture, os, version, machine, address, state, requested_at, asked_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, ${time('$11')}, ${time('$11')})
       ON CONFLICT (agent_id, public_key) DO UPDATE SET name = excluded.name, hostname = excluded.hostname, version = excluded.version,
         address = excluded.address, asked_at = excluded.asked_at, state = excluded.state,
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
      ],
    );
  }

  /** Refuses all who ask for one id, until then. Returns how many. */
  async reject(statements: Statements, agentId: string, until: number): Promise<number> {
    const { count } = await statements.query(
      `UPDATE fleet.registration SET state = 'rejected', rejected_until = ${time('$2')}
       WHERE agent_id = $1 AND state <> 'rejected'`,
      [agentId, until],
    );
    return count;
  }

  /** Forgets one who asked, or all of one id. */
  async forget(statements: Statements, agentId: string, publicKey: string | null): Promise<void> {
    await statements.query(
      'DELETE FROM fleet.registration WHERE agent_id = $1 AND ($2::text IS NULL OR public_key = $2)',
      [agentId, publicKey],
    );
  }

  /** Forgets those who have not asked since an instant, and whose refusal is over. */
  async tidy(before: number): Promise<void> {
    await this.schema.query(
      'registration.tidy',
      `DELETE FROM fleet.registration WHERE asked_at < ${time('$1')} AND (rejected_until IS NULL OR rejected_until < ${time('$1')})`,
      [before],
    );
  }
}
