import { LapwingError, MAX_USER_SETTINGS_BYTES } from '@lapwing/contracts';
import type { Schema } from '@lapwing/postgres';
import type { UserChoices } from '../domain/user-choices.js';

/** Keeps what users have chosen, a document each. */
export class UserSettingStore {
  constructor(private readonly schema: Schema) {}

  /** What somebody has chosen. */
  async read(owner: string): Promise<UserChoices> {
    const { rows } = await this.schema.query<{ document: UserChoices }>(
      'user-setting.read',
      'SELECT document FROM settings.user_setting WHERE owner = $1',
      [owner],
    );
    return rows[0]?.document ?? {};
  }

  /**
   * Changes what somebody has chosen; one change after the other, so that none is lost.
   * @throws LapwingError `TOO_LARGE`.
   */
  change(owner: string, change: (before: UserChoices) => UserChoices): Promise<UserChoices> {
    return this.schema.transaction('user-setting.change', async (transaction) => {
      await transaction.query(
        `INSERT INTO settings.user_setting (owner, document) VALUES ($1, '{}') ON CONFLICT DO NOTHING`,
        [owner],
      );
      const { rows } = await transaction.query<{ document: UserChoices }>(
        'SELECT document FROM settings.user_setting WHERE owner = $1 FOR UPDATE',
        [owner],
      );
      const choices = change(rows[0]?.document ?? {});
      const text = JSON.stringify(choices);
      if (Buffer.byteLength(text) > MAX_USER_SETTINGS_BYTES)
        throw new LapwingError('TOO_LARGE', `the settings of a user may take ${MAX_USER_SETTINGS_BYTES} bytes of JSON`);
      await transaction.query('UPDATE settings.user_setting SET document = $2, updated_at = now() WHERE owner = $1', [
        owner,
        text,
      ]);
      return choices;
    });
  }
}
