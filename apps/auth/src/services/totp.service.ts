import { LapwingError, type Actor } from '@lapwing/contracts';
import type { SecretKey } from '@lapwing/service';
import { Secret as TotpSecret, TOTP } from 'otpauth';
import { hashOf, newRecoveryCode, normalCode } from '../domain/credentials.js';
import type { AuditStore } from '../store/audit.store.js';
import type { Database } from '../store/database.js';
import type { UserRecord, UserStore } from '../store/user.store.js';

const PURPOSE = 'totp';
const PERIOD_SECONDS = 30;
const RECOVERY_CODES = 10;

/** The second factor: codes of an authenticator app (RFC 6238: SHA-1, six digits, 30 s, one step early or late). */
export class TotpService {
  constructor(
    private readonly database: Database,
    private readonly users: UserStore,
    private readonly audit: AuditStore,
    private readonly key: SecretKey,
    private readonly clock: () => number,
  ) {}

  /** A new secret, which counts once a code of it was verified. */
  async begin(user: UserRecord): Promise<{ secret: string; uri: string }> {
    if (user.totpEnabled)
      throw new LapwingError('INVALID_INPUT', 'there is a second factor already; take it away before making a new one');
    const secret = new TotpSecret({ size: 20 });
    await this.users.beginTotp(user.id, this.key.seal(PURPOSE, secret.base32));
    return { secret: secret.base32, uri: totpOf(secret, user.username).toString() };
  }

  /** Makes it count. The recovery codes are shown here only. */
  async enable(user: UserRecord, actor: Actor, code: string): Promise<string[]> {
    if (user.totpEnabled || !user.totpSecret)
      throw new LapwingError('INVALID_INPUT', 'there is no second factor that waits for its first code');
    if (!(await this.#takeCode(user, normalCode(code))))
      throw new LapwingError(
        'INVALID_INPUT',
        'the code is wrong, or too old: check the clock of the device that made it',
      );
    const codes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode);
    await this.database.change('totp.enable', async (transaction) => {
      await this.users.enableTotp(transaction, user.id, codes.map(recoveryHash));
      await this.audit.append(transaction, actor, { type: 'totp', action: 'enabled', target: user.username });
    });
    return codes;
  }

  /** Takes it away. */
  async disable(user: UserRecord, actor: Actor): Promise<void> {
    await this.database.change('totp.disable', async (transaction) => {
      await this.users.disableTotp(transaction, user.id);
      await this.audit.append(transaction, actor, { type: 'totp', action: 'disabled', target: user.username });
    });
  }

  /** What kind of code this is, when it is right: each counts once. */
  async take(user: UserRecord, code: string): Promise<'code' | 'recovery code' | undefined> {
    const normal = normalCode(code);
    if (/^\d{6}$/.test(normal)) return (await this.#takeCode(user, normal)) ? 'code' : undefined;
    return (await this.users.takeRecoveryCode(user.id, recoveryHash(normal))) ? 'recovery code' : undefined;
  }

  async #takeCode(user: UserRecord, token: string): Promise<boolean> {
    if (!user.totpSecret) return false;
    const now = this.clock();
    const totp = totpOf(TotpSecret.fromBase32(this.key.open(PURPOSE, user.totpSecret)), user.username);
    const delta = totp.validate({ token, timestamp: now, window: 1 });
    return delta !== null && this.users.takeStep(user.id, Math.floor(now / 1000 / PERIOD_SECONDS) + delta);
  }
}

function totpOf(secret: TotpSecret, label: string): TOTP {
  return new TOTP({ issuer: 'Lapwing', label, secret, algorithm: 'SHA1', digits: 6, period: PERIOD_SECONDS });
}

function recoveryHash(code: string): Buffer {
  return Buffer.from(hashOf(normalCode(code)), 'hex');
}
