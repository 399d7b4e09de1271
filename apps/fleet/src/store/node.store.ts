import type { ConfiguredNode } from '@lapwing/contracts';
import { instant, type Schema, type Statements } from '@lapwing/postgres';

/** A configured node as its row says. */
export interface NodeRow extends Record<string, unknown>, ConfiguredNode {
  /** Its secrets, sealed. */
  sealed: Buffer;
}

const COLUMNS = `id, type, name, host, username AS "user", token_name AS "tokenName", sealed, has_password AS "hasPassword",
  has_token AS "hasToken", fingerprint, ca_certificate AS "caCertificate", verify_ssl AS "verifySSL", monitor, source,
  created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Nodes that are polled. */
export class NodeStore {
  constructor(private readonly schema: Schema) {}

  /** All of them, by type and name. */
  async list(): Promise<NodeRow[]> {
    const { rows } = await this.schema.query<NodeRow>(
      'node.list',
      `SELECT ${COLUMNS} FROM fleet.node ORDER BY type DESC, name COLLATE "C" LIMIT 1000`,
    );
    return rows;
  }

  /** All of them, locked, within a transaction. */
  async all(statements: Statements): Promise<NodeRow[]> {
    const { rows } = await statements.query<NodeRow>(`SELECT ${COLUMNS} FROM fleet.node ORDER BY id FOR UPDATE`);
    return rows;
  }

  /** One, locked when it is read within a transaction. */
  async find(statements: Statements, id: string): Promise<NodeRow | undefined> {
    const { rows } = await statements.query<NodeRow>(`SELECT ${COLUMNS} FROM fleet.node WHERE id = $1 FOR UPDATE`, [
      id,
    ]);
    return rows[0];
  }

  /** The one of this type and address. */
  async findByHost(statements: Statements, type: string, host: string): Promise<NodeRow | undefined> {
    const { rows } = await statements.query<NodeRow>(
      `SELECT ${COLUMNS} FROM fleet.node WHERE type = $1 AND host = $2 FOR UPDATE`,
      [type, host],
    );
    return rows[0];
  }

  /** Names of a type that begin alike, for finding one that is free. */
  async namesLike(statements: Statements, type: string, name: string): Promise<string[]> {
    const { rows } = await statements.query<{ name: string }>(
      `SELECT name FROM fleet.node WHERE type = $1 AND starts_with(name, $2)`,
      [type, name],
    );
    return rows.map((row) => row.name);
  }

  /** How many there are. */
  async count(statements: Statements): Promise<number> {
    const { rows } = await statements.query<{ count: number }>('SELECT count(*) FROM fleet.node', []);
    return rows[0]?.count ?? 0;
  }

  /** Writes one whole. A row of the same type and address, or type and name, is an error that `isDuplicate` knows. */
  async put(statements: Statements, node: NodeRow): Promise<void> {
    await statements.query(
      `INSERT INTO fleet.node (id, type, name, host, username, token_name, sealed, has_password, has_token, fingerprint, ca_certificate,
         verify_ssl, monitor, source, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, ${instant('$15')}, ${instant('$16')})
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, host = excluded.host, username = excluded.username,
         token_name = excluded.token_name, sealed = excluded.sealed, has_password = excluded.has_password, has_token = excluded.has_token,
         fingerprint = excluded.fingerprint, ca_certificate = excluded.ca_certificate, verify_ssl = excluded.verify_ssl,
         monitor = excluded.monitor, updated_at = excluded.updated_at`,
      [
        node.id,
        node.type,
        node.name,
        node.host,
        node.user,
        node.tokenName,
        node.sealed,
        node.hasPassword,
        node.hasToken,
        node.fingerprint,
        node.caCertificate,
        node.verifySSL,
        JSON.stringify(node.monitor),
        node.source,
        node.createdAt,
        node.updatedAt,
      ],
    );
  }

  /** Forgets one. */
  async delete(statements: Statements, id: string): Promise<void> {
    await statements.query('DELETE FROM fleet.node WHERE id = $1', [id]);
  }
}
