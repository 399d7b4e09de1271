import { instant, type Schema, type Statements } from '@lapwing/postgres';

/** A channel as the database has it: sealed as a whole. */
export interface ChannelRow {
  id: string;
  kind: 'email' | 'webhook';
  sealed: Buffer;
}

const columns = 'id, kind, sealed';

/** Whom to tell. */
export class ChannelStore {
  constructor(private readonly schema: Schema) {}

  /** All channels, in the order in which they were made. */
  async list(statements: Statements = this.schema.plain('channel.list')): Promise<ChannelRow[]> {
    const { rows } = await statements.query<ChannelRow>(
      `SELECT ${columns} FROM alerting.channel ORDER BY created_at, id`,
    );
    return rows;
  }

  /** One of them. */
  async find(statements: Statements, id: string): Promise<ChannelRow | undefined> {
    const { rows } = await statements.query<ChannelRow>(`SELECT ${columns} FROM alerting.channel WHERE id = $1`, [id]);
    return rows[0];
  }

  /** Makes one, or changes it. */
  async put(statements: Statements, { id, kind, sealed }: ChannelRow, now: number): Promise<void> {
    await statements.query(
      `INSERT INTO alerting.channel (id, kind, sealed, created_at, updated_at) VALUES ($1, $2, $3, ${instant('$4')}, ${instant('$4')})
       ON CONFLICT (id) DO UPDATE SET sealed = $3, updated_at = ${instant('$4')}`,
      [id, kind, sealed, now],
    );
  }

  /** Removes one. Returns whether it was there. */
  async delete(statements: Statements, id: string): Promise<boolean> {
    const { count } = await statements.query('DELETE FROM alerting.channel WHERE id = $1', [id]);
    return count > 0;
  }
}
