import type { AlertConfig } from '@lapwing/contracts';
import { instant, type Schema, type Statements } from '@lapwing/postgres';
import { clean } from './partition.store.js';

/** The rules. */
export class ConfigStore {
  constructor(private readonly schema: Schema) {}

  /** The document as it was written; undefined when nobody ever changed a rule. */
  async read(statements: Statements = this.schema.plain('config.read')): Promise<unknown> {
    const { rows } = await statements.query<{ document: unknown }>('SELECT document FROM alerting.config WHERE id = 1');
    return rows[0]?.document;
  }

  /** Writes it. */
  async write(statements: Statements, config: AlertConfig, by: { name: string; at: number }): Promise<void> {
    await statements.query(
      `INSERT INTO alerting.config (id, document, updated_at, updated_by) VALUES (1, $1, ${instant('$2')}, $3)
       ON CONFLICT (id) DO UPDATE SET document = $1, updated_at = ${instant('$2')}, updated_by = $3`,
      [clean(config), by.at, by.name],
    );
  }
}
