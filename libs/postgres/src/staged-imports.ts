import { LapwingError } from '@lapwing/contracts';
import type { Statements } from './pool.js';
import type { Schema } from './schema.js';

/** Encrypts and decrypts what must not lie open in the database. */
export interface Sealing {
  seal(purpose: string, text: string): Buffer;
  open(purpose: string, sealed: Buffer): string;
}

/** How an import stands with one of those whose configuration it replaces. */
export type ImportState = 'staged' | 'applied' | 'discarded';

const KEPT = '30 days';
const LOCK = 7_524_640;

/**
 * What an import may come to replace, kept sealed until somebody else has decided. The tables `import` and `import_part` are the service's own,
 * of the form that its migration gives them.
 *
 * One import at a time is under way, and none begins before the one before it was applied or given up: what others have left is of no use any
 * more when a new one begins, and is thrown away then.
 */
export class StagedImports {
  /** @param service names the schema. */
  constructor(
    private readonly schema: Schema,
    private readonly service: string,
    private readonly key: Sealing,
  ) {}

  /** Keeps a piece; the same one again is no harm. `PRECONDITION_FAILED` for an import that is over here. */
  async add(importId: string, number: number, piece: unknown): Promise<void> {
    const lock = { kind: LOCK, of: this.service };
    await this.schema.exclusive('import.stage', lock, async (transaction) => {
      const { rows } = await transaction.query<{ state: ImportState }>(
        `INSERT INTO ${this.service}.import (id, state, updated_at) VALUES ($1, 'staged', now())
         ON CONFLICT (id) DO UPDATE SET updated_at = now() RETURNING state`,
        [importId],
      );
      if (rows[0]?.state !== 'staged')
        throw new LapwingError('PRECONDITION_FAILED', 'this import is over: nothing can be added to it');
      await transaction.query(
        `DELETE FROM ${this.service}.import WHERE id <> $1 AND (state = 'staged' OR updated_at < now() - interval '${KEPT}')`,
        [importId],
      );
      await transaction.query(
        `INSERT INTO ${this.service}.import_part (import_id, number, sealed) VALUES ($1, $2, $3)
         ON CONFLICT (import_id, number) DO UPDATE SET sealed = excluded.sealed`,
        [importId, number, this.key.seal(purposeOf(importId, number), JSON.stringify(piece))],
      );
    });
  }

  /** The pieces of an import, in order, one at a time. */
  async *pieces(statements: Statements, importId: string): AsyncGenerator {
    for (let number = -1; ;) {
      const { rows } = await statements.query<{ number: number; sealed: Buffer }>(
        `SELECT number, sealed FROM ${this.service}.import_part WHERE import_id = $1 AND number > $2 ORDER BY number LIMIT 1`,
        [importId, number],
      );
      const [row] = rows;
      if (!row) return;
      ({ number } = row);
      yield JSON.parse(this.key.open(purposeOf(importId, number), row.sealed)) as unknown;
    }
  }

  /** How an import stands here, held fast until the transaction ends; undefined for one that nobody knows. */
  async state(statements: Statements, importId: string): Promise<ImportState | undefined> {
    const { rows } = await statements.query<{ state: ImportState }>(
      `SELECT state FROM ${this.service}.import WHERE id = $1 FOR UPDATE`,
      [importId],
    );
    return rows[0]?.state;
  }

  /** It holds now: its pieces are forgotten, that it was applied is not. */
  async applied(statements: Statements, importId: string): Promise<void> {
    await statements.query(`UPDATE ${this.service}.import SET state = 'applied', updated_at = now() WHERE id = $1`, [
      importId,
    ]);
    await statements.query(`DELETE FROM ${this.service}.import_part WHERE import_id = $1`, [importId]);
  }

  /** Forgets an import that was not applied, and what may still come of it. */
  async discard(importId: string): Promise<void> {
    await this.schema.exclusive('import.discard', { kind: LOCK, of: this.service }, async (transaction) => {
      await transaction.query(
        `INSERT INTO ${this.service}.import (id, state, updated_at) VALUES ($1, 'discarded', now())
         ON CONFLICT (id) DO UPDATE SET state = 'discarded', updated_at = now() WHERE import.state = 'staged'`,
        [importId],
      );
      await transaction.query(
        `DELETE FROM ${this.service}.import_part p USING ${this.service}.import i
         WHERE p.import_id = $1 AND i.id = $1 AND i.state = 'discarded'`,
        [importId],
      );
    });
  }
}

const purposeOf = (importId: string, number: number): string => `import ${importId} part ${number}`;
