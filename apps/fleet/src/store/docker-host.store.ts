import type { DockerCommand, DockerReport } from '@lapwing/contracts';
import { instant, type Schema, type Statements } from '@lapwing/postgres';
import type { ContainerMemory } from '../domain/docker-issues.js';

/** A Docker host as its row says. Times in milliseconds since 1970. */
export interface DockerHostRow extends Record<string, unknown> {
  id: string;
  agentKey: string;
  machineId: string;
  tokenId: string;
  tokenName: string;
  hostname: string;
  intervalSeconds: number;
  reportedAt: number;
  lastSeenAt: number;
  hidden: boolean;
  pendingUninstall: boolean;
  removedAt: number | null;
  /** Whether somebody was told that it is offline. */
  toldOffline: boolean;
  command: DockerCommand | null;
  memory: ContainerMemory;
  report: DockerReport;
}

const COLUMNS = `id, agent_key AS "agentKey", machine_id AS "machineId", token_id AS "tokenId", token_name AS "tokenName", hostname,
  interval_seconds AS "intervalSeconds", reported_at AS "reportedAt", last_seen_at AS "lastSeenAt", hidden,
  pending_uninstall AS "pendingUninstall", removed_at AS "removedAt", told_offline AS "toldOffline", command, memory, report`;

/** Docker hosts. */
export class DockerHostStore {
  constructor(private readonly schema: Schema) {}

  /** Hosts by id, after one of them; those that were removed are left out. */
  async page(after: string, limit: number): Promise<DockerHostRow[]> {
    const { rows } = await this.schema.query<DockerHostRow>(
      'docker_host.page',
      `SELECT ${COLUMNS} FROM fleet.docker_host WHERE id > $1 COLLATE "C" AND removed_at IS NULL ORDER BY id COLLATE "C" LIMIT $2`,
      [after, limit],
    );
    return rows;
  }

  /** One host, removed or not. */
  async find(statements: Statements, id: string): Promise<DockerHostRow | undefined> {
    const { rows } = await statements.query<DockerHostRow>(
      `SELECT ${COLUMNS} FROM fleet.docker_host WHERE id = $1 FOR UPDATE`,
      [id],
    );
    return rows[0];
  }

  /** The hosts of one agent key and machine. */
  async alike(statements: Statements, agentKey: string, machineId: string): Promise<DockerHostRow[]> {
    const { rows } = await statements.query<DockerHostRow>(
      `SELECT ${COLUMNS} FROM fleet.docker_host WHERE agent_key = $1 AND machine_id = $2 ORDER BY id LIMIT 1000 FOR UPDATE`,
      [agentKey, machineId],
    );
    return rows;
  }

  /** Writes a host whole. */
  async put(statements: Statements, host: DockerHostRow): Promise<void> {
    await statements.query(
      `INSERT INTO fleet.docker_host (id, agent_key, machine_id, token_id, token_name, hostname, interval_seconds, reported_at, last_seen_at,
         hidden, pending_uninstall, removed_at, command, memory, report)
       VALUES ($1, $2, $3, $4, $5, $6, $7, ${instant('$8')}, ${instant('$9')}, $10, $11, ${instant('$12')}, $13, $14, $15)
       ON CONFLICT (id) DO UPDATE SET token_id = excluded.token_id, token_name = excluded.token_name, hostname = excluded.hostname,
         interval_seconds = excluded.interval_seconds, reported_at = excluded.reported_at, last_seen_at = excluded.last_seen_at,
         hidden = excluded.hidden, pending_uninstall = excluded.pending_uninstall, removed_at = excluded.removed_at,
         command = excluded.command, memory = excluded.memory, report = excluded.report`,
      [
        host.id,
        host.agentKey,
        host.machineId,
        host.tokenId,
        host.tokenName,
        host.hostname,
        host.intervalSeconds,
        host.reportedAt,
        host.lastSeenAt,
        host.hidden,
        host.pendingUninstall,
        host.removedAt,
        host.command && JSON.stringify(host.command),
        JSON.stringify(host.memory),
        JSON.stringify(host.report),
      ],
    );
  }

  /** How many hosts there are, and how many of one token. */
  async count(statements: Statements, tokenId: string): Promise<{ all: number; own: number }> {
    const { rows } = await statements.query<{ all: number; own: number }>(
      'SELECT count(*) AS all, count(*) FILTER (WHERE token_id = $1) AS own FROM fleet.docker_host',
      [tokenId],
    );
    return rows[0] ?? { all: 0, own: 0 };
  }

  /** Forgets a host. Returns whether there was one. */
  async delete(statements: Statements, id: string): Promise<boolean> {
    const { count } = await statements.query('DELETE FROM fleet.docker_host WHERE id = $1', [id]);
    return count > 0;
  }

  /** Forgets hosts that were removed before an instant. */
  async tidy(before: number): Promise<void> {
    await this.schema.query('docker_host.tidy', `DELETE FROM fleet.docker_host WHERE removed_at < ${instant('$1')}`, [
      before,
    ]);
  }

  /**
   * Marks the hosts that have gone or come back since somebody was told, and names them.
   * @param listeningSince who was not told to be offline could not be heard before this.
   */
  async turned(now: number, listeningSince: number): Promise<{ id: string; offline: boolean }[]> {
    const { rows } = await this.schema.query<{ id: string; offline: boolean }>(
      'docker_host.turned',
      `UPDATE fleet.docker_host SET told_offline = NOT told_offline
       WHERE removed_at IS NULL AND told_offline <>
         (greatest(last_seen_at, CASE WHEN told_offline THEN last_seen_at ELSE ${instant('$2')} END)
           < ${instant('$1')} - make_interval(secs => least(greatest(4 * interval_seconds, 30), 600)))
       RETURNING id, told_offline AS offline`,
      [now, listeningSince],
    );
    return rows;
  }
}
