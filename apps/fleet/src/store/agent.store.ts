import type { AgentOverride, AgentReport } from '@lapwing/contracts';
import { instant, type Schema, type Statements } from '@lapwing/postgres';

/** What was last said that runs. */
export type Running = Omit<AgentReport, 'agentId'>;

/** A registered agent, as its row says. Times in milliseconds since 1970. */
export interface AgentRow extends Record<string, unknown> {
  id: string;
  name: string;
  hostname: string;
  architecture: string;
  os: string;
  version: string;
  address: string | null;
  state: 'added' | 'approved' | 'revoked' | 'quarantined';
  publicKey: string | null;
  registeredAt: number;
  requestedAt: number | null;
  lastSeenAt: number | null;
  override: AgentOverride;
  running: Running | null;
}

/** What an agent tells of itself. */
export interface Facts {
  name: string;
  hostname: string;
  architecture: string;
  os: string;
  version: string;
  machine: string;
  address: string;
  /** The addresses that one customer of a provider has, together. */
  block: string;
  publicKey: string;
  requestedAt: number;
}

const COLUMNS = `id, name, hostname, architecture, os, version, address, state, public_key AS "publicKey",
  registered_at AS "registeredAt", requested_at AS "requestedAt", last_seen_at AS "lastSeenAt", override, running`;

/** Registered agents. */
export class AgentStore {
  constructor(private readonly schema: Schema) {}

  /** Agents by id, after one of them. */
  async page(after: string, limit: number): Promise<AgentRow[]> {
    const { rows } = await this.schema.query<AgentRow>(
      'agent.page',
      `SELECT ${COLUMNS} FROM fleet.agent WHERE id > $1 COLLATE "C" ORDER BY id COLLATE "C" LIMIT $2`,
      [after, limit],
    );
    return rows;
  }

  /** One agent. */
  async find(id: string, statements: Statements = this.schema.plain('agent.find')): Promise<AgentRow | undefined> {
    const { rows } = await statements.query<AgentRow>(`SELECT ${COLUMNS} FROM fleet.agent WHERE id = $1`, [id]);
    return rows[0];
  }

  /** Ids and overrides of all. */
  async overrides(): Promise<{ id: string; override: AgentOverride }[]> {
    const { rows } = await this.schema.query<{ id: string; override: AgentOverride }>(
      'agent.overrides',
      `SELECT id, override FROM fleet.agent WHERE state = 'approved' LIMIT 100000`,
    );
    return rows;
  }

  /** Adds one that an administrator has named. False when there is one of this id. */
  async add(agent: {
    id: string;
    name: string;
    tokenHash: Buffer;
    tokenExpiresAt: number;
    now: number;
  }): Promise<boolean> {
    const { count } = await this.schema.query(
      'agent.add',
      `INSERT INTO fleet.agent (id, name, state, registered_at, token_hash, token_expires_at)
       VALUES ($1, $2, 'added', ${instant('$3')}, $4, ${instant('$5')}) ON CONFLICT (id) DO NOTHING`,
      [agent.id, agent.name, agent.now, agent.tokenHash, agent.tokenExpiresAt],
    );
    return count > 0;
  }

  /** Whether a token is good for an id. */
  async hasToken(statements: Statements, id: string, hash: Buffer, now: number): Promise<boolean> {
    const { rows } = await statements.query(
      `SELECT 1 FROM fleet.agent WHERE id = $1 AND token_hash = $2 AND token_expires_at > ${instant('$3')}`,
      [id, hash, now],
    );
    return rows.length > 0;
  }

  /** Lets one in under a key, whatever was before; its token is used up. The name that an administrator chose stays. */
  async approve(statements: Statements, id: string, facts: Facts, now: number): Promise<void> {
    await statements.query(
      `INSERT INTO fleet.agent AS a (id, name, hostname, architecture, os, version, machine, address, public_key, requested_at, state, registered_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, ${instant('$10')}, 'approved', ${instant('$11')})
       ON CONFLICT (id) DO UPDATE SET hostname = excluded.hostname, architecture = excluded.architecture, os = excluded.os,
         version = excluded.version, machine = excluded.machine, address = excluded.address, public_key = excluded.public_key,
         requested_at = coalesce(a.requested_at, excluded.requested_at), state = 'approved', token_hash = NULL, token_expires_at = NULL`,
      [
        id,
        facts.name,
        facts.hostname,
        facts.architecture,
        facts.os,
        facts.version,
        facts.machine,
        facts.address,
        facts.publicKey,
        facts.requestedAt,
        now,
      ],
    );
  }

  /** Registers one that was heard where NATS lets everybody in. False when it is known. */
  async hear(id: string, host: { hostname: string; architecture: string; os: string }, now: number): Promise<boolean> {
    const { count } = await this.schema.query(
      'agent.hear',
      `INSERT INTO fleet.agent (id, name, hostname, architecture, os, state, registered_at)
       VALUES ($1, $1, $2, $3, $4, 'approved', ${instant('$5')}) ON CONFLICT (id) DO NOTHING`,
      [id, host.hostname, host.architecture, host.os, now],
    );
    return count > 0;
  }

  async setState(statements: Statements, id: string, state: AgentRow['state']): Promise<void> {
    await statements.query('UPDATE fleet.agent SET state = $2 WHERE id = $1', [id, state]);
  }

  async delete(statements: Statements, id: string): Promise<boolean> {
    const { count } = await statements.query('DELETE FROM fleet.agent WHERE id = $1', [id]);
    return count > 0;
  }

  async setOverride(statements: Statements, id: string, override: AgentOverride): Promise<void> {
    await statements.query('UPDATE fleet.agent SET override = $2 WHERE id = $1', [id, JSON.stringify(override)]);
  }

  async setRunning(id: string, running: Running): Promise<void> {
    await this.schema.query(
      'agent.running',
      'UPDATE fleet.agent SET running = $2, version = $3, hostname = $4 WHERE id = $1',
      [id, JSON.stringify(running), running.version, running.hostname],
    );
  }

  /** Keeps when agents were heard last. */
  async noteSeen(seen: [id: string, at: number][]): Promise<void> {
    await this.schema.query(
      'agent.seen',
      `UPDATE fleet.agent a SET last_seen_at = greatest(a.last_seen_at, to_timestamp(s.at / 1000))
       FROM unnest($1::text[], $2::float8[]) AS s (id, at) WHERE a.id = s.id`,
      [seen.map(([id]) => id), seen.map(([, at]) => at)],
    );
  }
}
