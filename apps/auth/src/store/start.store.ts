import type { Statements } from '@lapwing/postgres';

/** What was taken over at earlier starts, by name. */
export class StartStore {
  async get(statements: Statements, name: string): Promise<string | undefined> {
    return (await statements.query<{ value: string }>('SELECT value FROM auth.start WHERE name = $1', [name])).rows[0]
      ?.value;
  }

  async set(statements: Statements, name: string, value: string): Promise<void> {
    await statements.query(
      `INSERT INTO auth.start (name, value) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = now()`,
      [name, value],
    );
  }

  async delete(statements: Statements, name: string): Promise<void> {
    await statements.query('DELETE FROM auth.start WHERE name = $1', [name]);
  }
}
