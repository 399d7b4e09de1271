import type { GuestMetadata } from '@lapwing/contracts';
import { instant, type Schema, type Statements } from '@lapwing/postgres';

type Row = GuestMetadata & Record<string, unknown>;

const COLUMNS = `id, console_url AS "consoleUrl", notes, description, tags`;

/** What people note about guests. */
export class GuestMetadataStore {
  constructor(private readonly schema: Schema) {}

  /** Notes by id, after one of them. */
  async page(after: string, limit: number): Promise<GuestMetadata[]> {
    const { rows } = await this.schema.query<Row>(
      'guest_metadata.page',
      `SELECT ${COLUMNS} FROM fleet.guest_metadata WHERE id > $1 COLLATE "C" ORDER BY id COLLATE "C" LIMIT $2`,
      [after, limit],
    );
    return rows;
  }

  /** The notes about one guest. */
  async find(statements: Statements, id: string): Promise<GuestMetadata | undefined> {
    const { rows } = await statements.query<Row>(`SELECT ${COLUMNS} FROM fleet.guest_metadata WHERE id = $1`, [id]);
    return rows[0];
  }

  /** How many guests have notes. */
  async count(statements: Statements): Promise<number> {
    const { rows } = await statements.query<{ count: number }>('SELECT count(*) FROM fleet.guest_metadata', []);
    return rows[0]?.count ?? 0;
  }

  /** Writes them whole. */
  async put(statements: Statements, guest: GuestMetadata, now: number): Promise<void> {
    await statements.query(
      `INSERT INTO fleet.guest_metadata (id, console_url, notes, description, tags, updated_at)
       VALUES ($1, $2, $3, $4, $5, ${instant('$6')})
       ON CONFLICT (id) DO UPDATE SET console_url = excluded.console_url, notes = excluded.notes, description = excluded.description,
         tags = excluded.tags, updated_at = excluded.updated_at`,
      [guest.id, guest.consoleUrl, guest.notes, guest.description, JSON.stringify(guest.tags), now],
    );
  }

  /** Writes the notes about guests of which none are kept. */
  async putAll(statements: Statements, guests: GuestMetadata[], now: number): Promise<void> {
    await statements.query(
      `INSERT INTO fleet.guest_metadata (id, console_url, notes, description, tags, updated_at)
       SELECT id, "consoleUrl", notes, description, tags, ${instant('$2')}
       FROM jsonb_to_recordset($1::jsonb) AS given(id text, "consoleUrl" text, notes text, description text, tags jsonb)`,
      [JSON.stringify(guests), now],
    );
  }

  /** Forgets all. */
  async clear(statements: Statements): Promise<void> {
    await statements.query('DELETE FROM fleet.guest_metadata');
  }

  /** Forgets them. */
  async delete(id: string): Promise<void> {
    await this.schema.query('guest_metadata.delete', 'DELETE FROM fleet.guest_metadata WHERE id = $1', [id]);
  }
}
