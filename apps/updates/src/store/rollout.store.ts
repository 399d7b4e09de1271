import type { Rollout } from '@lapwing/contracts';
import { instant, isDuplicate, type Schema } from '@lapwing/postgres';
import { countsOf, type Member } from '../domain/rollout.js';

/** A roll-out as its row says. Times in milliseconds since 1970. */
export interface RolloutRow extends Record<string, unknown> {
  id: string;
  version: string;
  statement: string;
  status: Rollout['status'];
  ring: number;
  isPlanned: boolean;
  isOpen: boolean;
  startedAt: number;
  startedBy: string;
  endedAt: number | null;
  reason: string | null;
}

type MemberRow = Member & Record<string, unknown>;

const COLUMNS = `id, version, statement, status, ring, is_planned AS "isPlanned", is_open AS "isOpen", started_at AS "startedAt",
  started_by AS "startedBy", ended_at AS "endedAt", reason`;
const MEMBER = 'agent_id AS "agentId", ring, state, version_from AS "versionFrom", reason, since, memo';
/** So many roll-outs are kept. */
const KEPT = 20;

/** Roll-outs of the agent, and how each agent fares in them. */
export class RolloutStore {
  constructor(private readonly schema: Schema) {}

  /** The one that began last. */
  async last(): Promise<RolloutRow | undefined> {
    const { rows } = await this.schema.query<RolloutRow>(
      'rollout.last',
      `SELECT ${COLUMNS} FROM updates.rollout ORDER BY started_at DESC LIMIT 1`,
    );
    return rows[0];
  }

  /** The one for which anything is left to do. */
  async open(): Promise<RolloutRow | undefined> {
    const { rows } = await this.schema.query<RolloutRow>(
      'rollout.open',
      `SELECT ${COLUMNS} FROM updates.rollout WHERE is_open`,
    );
    return rows[0];
  }

  /** Whether a roll-out of this version was ever stopped. */
  async wasStopped(version: string): Promise<boolean> {
    const { rows } = await this.schema.query(
      'rollout.was_stopped',
      `SELECT 1 FROM updates.rollout WHERE version = $1 AND status = 'stopped' LIMIT 1`,
      [version],
    );
    return rows.length > 0;
  }

  /** Begins one, and forgets the oldest. Undefined when one is open. */
  async begin(draft: {
    id: string;
    version: string;
    statement: string;
    startedBy: string;
    now: number;
  }): Promise<RolloutRow | undefined> {
    try {
      return await this.schema.transaction('rollout.begin', async (transaction) => {
        const { rows } = await transaction.query<RolloutRow>(
          `INSERT INTO updates.rollout (id, version, statement, status, started_at, started_by)
           VALUES ($1, $2, $3, 'running', ${instant('$4')}, $5) RETURNING ${COLUMNS}`,
          [draft.id, draft.version, draft.statement, draft.now, draft.startedBy],
        );
        await transaction.query(
          'DELETE FROM updates.rollout WHERE id IN (SELECT id FROM updates.rollout ORDER BY started_at DESC OFFSET $1)',
          [KEPT],
        );
        return rows[0];
      });
    } catch (error) {
      if (isDuplicate(error)) return undefined;
      throw error;
    }
  }

  /** Notes which agents are part of it, and in which ring. */
  async plan(id: string, members: readonly Member[]): Promise<void> {
    await this.schema.transaction('rollout.plan', async (transaction) => {
      const { count } = await transaction.query(
        `UPDATE updates.rollout SET is_planned = true WHERE id = $1 AND status = 'running'`,
        [id],
      );
      // Somebody was faster: there is nothing to plan any more.
      if (count === 0) return;
      await transaction.query(
        `INSERT INTO updates.rollout_agent (rollout_id, agent_id, ring, state, version_from, reason, since)
         SELECT $1, a.agent_id, a.ring, a.state, a.version_from, a.reason, to_timestamp(a.since / 1000)
         FROM unnest($2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::float8[])
           AS a (agent_id, ring, state, version_from, reason, since)
         ON CONFLICT DO NOTHING`,
        [
          id,
          members.map(({ agentId }) => agentId),
          members.map(({ ring }) => ring),
          members.map(({ state }) => state),
          members.map(({ versionFrom }) => versionFrom),
          members.map(({ reason }) => reason),
          members.map(({ since }) => since),
        ],
      );
    });
  }

  /** Its agents in some of the states, by ring and id. */
  async members(
    id: string,
    which: { states?: readonly Member['state'][]; ring?: number; limit?: number } = {},
  ): Promise<Member[]> {
    const { rows } = await this.schema.query<MemberRow>(
      'rollout.members',
      `SELECT ${MEMBER} FROM updates.rollout_agent
       WHERE rollout_id = $1 AND ($2::text[] IS NULL OR state = ANY ($2)) AND ($3::int IS NULL OR ring = $3)
       ORDER BY ring, agent_id LIMIT $4`,
      [id, which.states ?? null, which.ring ?? null, which.limit ?? 100_000],
    );
    return rows;
  }

  /** How many of its agents, or of a ring's, are in each state. */
  async counts(id: string, ring?: number): Promise<Rollout['counts']> {
    const { rows } = await this.schema.query<{ state: Member['state']; count: number }>(
      'rollout.counts',
      `SELECT state, count(*)::int AS count FROM updates.rollout_agent
       WHERE rollout_id = $1 AND ($2::int IS NULL OR ring = $2) GROUP BY state`,
      [id, ring ?? null],
    );
    return countsOf(Object.fromEntries(rows.map(({ state, count }) => [state, count])));
  }

  /** Notes how an agent fares. */
  async save(id: string, { agentId, state, reason, since, memo }: Member): Promise<void> {
    await this.schema.query(
      'rollout.save',
      `UPDATE updates.rollout_agent SET state = $3, reason = $4, since = ${instant('$5')}, memo = $6
       WHERE rollout_id = $1 AND agent_id = $2`,
      [id, agentId, state, reason, since, JSON.stringify(memo)],
    );
  }

  /** Notes that an agent is about to be told; false when its turn is over, or the roll-out is. */
  async beginAgent(id: string, { agentId, state, since, memo }: Member): Promise<boolean> {
    const { count } = await this.schema.query(
      'rollout.begin_agent',
      `UPDATE updates.rollout_agent SET state = $3, since = ${instant('$4')}, memo = $5
       WHERE rollout_id = $1 AND agent_id = $2 AND state = 'waiting'
         AND EXISTS (SELECT FROM updates.rollout WHERE id = $1 AND status = 'running')`,
      [id, agentId, state, since, JSON.stringify(memo)],
    );
    return count > 0;
  }

  /** Brings one that waits in a later ring into this one; false when there is none. */
  async pullForward(id: string, ring: number): Promise<boolean> {
    const { count } = await this.schema.query(
      'rollout.pull_forward',
      `UPDATE updates.rollout_agent SET ring = $2 WHERE rollout_id = $1 AND agent_id = (
         SELECT agent_id FROM updates.rollout_agent WHERE rollout_id = $1 AND ring > $2 AND state = 'waiting' ORDER BY ring, agent_id LIMIT 1)`,
      [id, ring],
    );
    return count > 0;
  }

  /** Ends one whose version the server does not have any more; what it did stays. */
  async supersede(id: string, reason: string, now: number): Promise<void> {
    await this.schema.transaction('rollout.supersede', async (transaction) => {
      await transaction.query(
        `UPDATE updates.rollout SET status = 'completed', is_open = false, reason = $2, ended_at = ${instant('$3')}
         WHERE id = $1 AND status = 'running'`,
        [id, reason, now],
      );
      await transaction.query(
        `UPDATE updates.rollout_agent SET state = 'skipped', reason = $2, since = ${instant('$3')}
         WHERE rollout_id = $1 AND state IN ('waiting', 'updating', 'watched')`,
        [id, reason, now],
      );
    });
  }

  /** Whether this server is about to run another version itself. */
  async isServerUpdating(): Promise<boolean> {
    const { rows } = await this.schema.query<{ busy: boolean }>(
      'rollout.is_server_updating',
      `SELECT EXISTS (SELECT FROM updates.attempt WHERE status = 'in_progress') AS busy`,
    );
    return rows[0]?.busy === true;
  }

  /** Goes on to the next ring, or ends after the last one. Nothing for one that was stopped meanwhile. */
  async passRing(id: string, ring: number, now: number): Promise<void> {
    await this.schema.query(
      'rollout.pass_ring',
      `UPDATE updates.rollout SET ring = least(ring + 1, 3), status = CASE ring WHEN 3 THEN 'completed' ELSE status END,
         is_open = ring < 3, ended_at = CASE ring WHEN 3 THEN ${instant('$3')} END
       WHERE id = $1 AND ring = $2 AND status = 'running'`,
      [id, ring, now],
    );
  }

  /** Stops one that runs; agents whose turn has not come keep what they have. False when it does not run. */
  async stop(id: string, reason: string, now: number): Promise<boolean> {
    return this.schema.transaction('rollout.stop', async (transaction) => {
      const { count } = await transaction.query(
        `UPDATE updates.rollout SET status = 'stopped', reason = $2, ended_at = ${instant('$3')}
         WHERE id = $1 AND status = 'running'`,
        [id, reason, now],
      );
      if (count === 0) return false;
      await transaction.query(
        `UPDATE updates.rollout_agent SET state = 'skipped', reason = 'the roll-out was stopped before its turn', since = ${instant('$2')}
         WHERE rollout_id = $1 AND state = 'waiting'`,
        [id, now],
      );
      return true;
    });
  }

  /** Nothing is left to do. */
  async close(id: string): Promise<void> {
    await this.schema.query('rollout.close', 'UPDATE updates.rollout SET is_open = false WHERE id = $1', [id]);
  }
}
