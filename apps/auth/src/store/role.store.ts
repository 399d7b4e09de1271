import type { Role } from '@lapwing/contracts';
import type { Statements } from '@lapwing/postgres';
import type { Database } from './database.js';

interface Row extends Role, Record<string, unknown> {}

const SELECT = 'SELECT id, name, description, permissions, is_system AS "isSystem" FROM auth.role';

/** Roles. */
export class RoleStore {
  constructor(private readonly database: Database) {}

  /** All roles, those of the system first. */
  async list(statements: Statements = this.database.plain('role.list')): Promise<Role[]> {
    return (await statements.query<Row>(`${SELECT} ORDER BY is_system DESC, id LIMIT 1000`)).rows;
  }

  /** One role; undefined when there is none. */
  async byId(statements: Statements, id: string): Promise<Role | undefined> {
    return (await statements.query<Row>(`${SELECT} WHERE id = $1`, [id])).rows[0];
  }

  /** Adds a role; fails with a duplicate key when the id or name is taken. */
  async insert(statements: Statements, role: Omit<Role, 'isSystem'>): Promise<void> {
    await statements.query('INSERT INTO auth.role (id, name, description, permissions) VALUES ($1, $2, $3, $4)', [
      role.id,
      role.name,
      role.description,
      role.permissions,
    ]);
  }

  async update(statements: Statements, role: Role): Promise<void> {
    await statements.query(
      'UPDATE auth.role SET name = $2, description = $3, permissions = $4 WHERE id = $1 AND NOT is_system',
      [role.id, role.name, role.description, role.permissions],
    );
  }

  async delete(statements: Statements, id: string): Promise<void> {
    await statements.query('DELETE FROM auth.role WHERE id = $1 AND NOT is_system', [id]);
  }
}
