import type { PolledKind } from '@lapwing/contracts';
import type { Postgres } from '@lapwing/postgres';
import { unnestColumns } from '@lapwing/postgres';
import type { Kind } from '../domain/tables.js';

/**
 * Names a resource: its kind, its agent or the target through which it is polled, and which thing of that it is (empty for the host of an
 * agent itself).
 */
export interface ResourceKey {
  kind: Kind | PolledKind;
  agentId: string;
  name: string;
}

/** Tells the number of a resource. */
export type IdOf = (key: ResourceKey) => number;

const MAX_KNOWN = 200_000;

const textOf = ({ kind, agentId, name }: ResourceKey): string => `${kind}\n${agentId}\n${name}`;

/** Gives resources their numbers, and remembers them. */
export class ResourceStore {
  #known = new Map<string, number>();

  constructor(private readonly postgres: Postgres) {}

  /**
   * Numbers those that have none yet, committed at once, so that a failed batch leaves no number that does not exist.
   * @returns what tells the number of each.
   */
  async ensure(keys: ResourceKey[]): Promise<IdOf> {
    // A new map, not an emptied one: batches that are under way keep theirs.
    if (this.#known.size > MAX_KNOWN) this.#known = new Map();
    const known = this.#known;
    const idOf: IdOf = (key) => {
      const id = known.get(textOf(key));
      if (id === undefined) throw new Error(`resource ${textOf(key)} was not ensured`);
      return id;
    };
    const unknown = new Map(keys.filter((key) => !known.has(textOf(key))).map((key) => [textOf(key), key]));
    if (unknown.size === 0) return idOf;
    const columns = { kind: 'text', agent_id: 'text', name: 'text' } as const;
    const { from, values } = unnestColumns(
      columns,
      [...unknown.values()].map(({ kind, agentId, name }) => [kind, agentId, name]),
      'wanted',
    );
    await this.postgres.query(
      'resource.insert',
      `INSERT INTO metrics.resource (kind, agent_id, name) SELECT kind, agent_id, name FROM ${from}
       WHERE NOT EXISTS (SELECT FROM metrics.resource r WHERE (r.kind, r.agent_id, r.name) = (wanted.kind, wanted.agent_id, wanted.name))
       ORDER BY kind, agent_id, name ON CONFLICT DO NOTHING`,
      values,
    );
    const { rows } = await this.postgres.query<{
      id: number;
      kind: ResourceKey['kind'];
      agent_id: string;
      name: string;
    }>(
      'resource.select',
      `SELECT r.id, r.kind, r.agent_id, r.name FROM metrics.resource r JOIN ${from} USING (kind, agent_id, name)`,
      values,
    );
    for (const { id, kind, agent_id, name } of rows) known.set(textOf({ kind, agentId: agent_id, name }), id);
    return idOf;
  }

  /** The numbers of the hosts of these agents, or of all. */
  async hosts(agentIds: string[] | null): Promise<number[]> {
    const { rows } = await this.postgres.query<{ id: number }>(
      'resource.hosts',
      `SELECT id FROM metrics.resource WHERE kind = 'host' AND ($1::text[] IS NULL OR agent_id = ANY ($1))`,
      [agentIds],
    );
    return rows.map((row) => row.id);
  }
}
