import { type Migrations, type Postgres } from '@lapwing/postgres';
import { ConfigError, type Secret, type SecretKey } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import { hashOf, hintOf, newCredential } from '../domain/credentials.js';
import type { AuditStore } from '../store/audit.store.js';
import type { Statements } from '@lapwing/postgres';
import type { StartStore } from '../store/start.store.js';
import type { TokenStore } from '../store/token.store.js';
import type { UserStore } from '../store/user.store.js';
import type { PasswordsService } from './passwords.service.js';

/** What the environment says about who may come in. */
export interface StartSettings {
  user: string | undefined;
  password: Secret | undefined;
  adminPassword: Secret | undefined;
  /** The oldest first. */
  tokens: Secret[];
}

/** What a start needs. */
export interface StartParts {
  postgres: Postgres;
  users: UserStore;
  tokens: TokenStore;
  starts: StartStore;
  audit: AuditStore;
  passwords: PasswordsService;
  key: SecretKey;
}

const ADMIN = 'admin';
const START_LOCK = 7_524_603;
const ENVIRONMENT = { name: 'environment', userId: null, address: '' };
const SHORT_TOKEN = 20;

/** Takes over what the environment says, once the schema is there: administrator, tokens; checks the key. */
export class StartService {
  readonly #log = createLogger('auth', 'start');

  constructor(
    private readonly parts: StartParts,
    private readonly settings: StartSettings,
    migrations: Migrations,
  ) {
    migrations.prepare(() => this.take());
  }

  /** Takes it over, all or nothing. */
  async take(): Promise<void> {
    // Hashing takes its time, and is not done inside the transaction.
    const hashes = await this.#hashes();
    const bootstrap = await this.parts.postgres.transaction('start.take', async (transaction) => {
      await transaction.query('SELECT pg_advisory_xact_lock($1)', [START_LOCK]);
      await this.#checkKey(transaction);
      await this.#environmentUser(transaction, hashes.user);
      await this.#firstAdmin(transaction, hashes.admin);
      await this.#tokens(transaction);
      return this.#bootstrapToken(transaction);
    });
    if (bootstrap !== undefined)
      this.#log.warn(
        { bootstrap },
        'there is no user yet: POST /api/security/quick-setup makes one, with this value in X-Bootstrap-Token when it comes from afar',
      );
  }

  async #hashes(): Promise<{ user: string | undefined; admin: string | undefined }> {
    const { passwords } = this.parts;
    const hash = async (password: Secret | undefined): Promise<string | undefined> => {
      const text = password?.reveal();
      return text === undefined || text.startsWith('$2') ? text : passwords.hash(text);
    };
    return { user: await hash(this.settings.password), admin: await hash(this.settings.adminPassword) };
  }

  /** A key other than the one that things were sealed and signed with would make them worthless, one by one. */
  async #checkKey(transaction: Statements): Promise<void> {
    const { starts, key } = this.parts;
    const sign = key.sign('check', 'lapwing');
    const known = await starts.get(transaction, 'key');
    if (known === undefined) await starts.set(transaction, 'key', sign);
    else if (known !== sign) {
      const fault = new ConfigError(
        'auth cannot start: LAPWING_SECRET_KEY is not the key that this database was made with',
      );
      this.#log.fatal({ error: describeError(fault) }, 'the secret key is wrong');
      process.stderr.write(`${fault.message}\n`);
      process.exit(1);
    }
  }

  /**
   * The administrator of PULSE_AUTH_USER. His password is set when the environment holds another than at the last start:
   * one that was changed since in the API stays.
   */
  async #environmentUser(transaction: Statements, hash: string | undefined): Promise<void> {
    const { user: username, password } = this.settings;
    if (username === undefined || hash === undefined || !password) return;
    const { users, starts, audit } = this.parts;
    const known = await users.byName(username, transaction);
    const taken = await starts.get(transaction, `password of ${username.toLowerCase()}`);
    if (known && taken !== undefined && (await this.#same(password, taken))) return;
    const id = known?.id ?? (await users.insert(transaction, { username, email: '', passwordHash: hash }));
    if (known) {
      await users.setPassword(transaction, id, hash);
      await users.setDisabled(transaction, id, false);
      await users.nextEpoch(transaction, id);
    }
    await users.setRoles(transaction, id, [...new Set([...(known?.roles ?? []), ADMIN])]);
    await starts.set(transaction, `password of ${username.toLowerCase()}`, hash);
    const action = known ? 'password_reset' : 'created';
    await audit.append(transaction, ENVIRONMENT, {
      type: 'user',
      action,
      target: username,
      details: { roles: [ADMIN] },
    });
  }

  async #same(password: Secret, hash: string): Promise<boolean> {
    const text = password.reveal();
    return text.startsWith('$2') ? text === hash : this.parts.passwords.verify(text, hash);
  }

  async #firstAdmin(transaction: Statements, hash: string | undefined): Promise<void> {
    const { users, audit } = this.parts;
    if (hash === undefined || (await users.any(transaction))) return;
    const id = await users.insert(transaction, { username: ADMIN, email: '', passwordHash: hash });
    await users.setRoles(transaction, id, [ADMIN]);
    await audit.append(transaction, ENVIRONMENT, {
      type: 'user',
      action: 'created',
      target: ADMIN,
      details: { roles: [ADMIN] },
    });
  }

  async #tokens(transaction: Statements): Promise<void> {
    const all = this.settings.tokens.map((token) => token.reveal());
    if (all.some((token) => token.length < SHORT_TOKEN))
      this.#log.warn({ least: SHORT_TOKEN }, 'an API token of the environment is so short that it can be guessed');
    await this.parts.tokens.setEnvironment(
      transaction,
      [...new Set(all)].map((token, index) => ({
        name: `environment ${index + 1}`,
        hash: hashOf(token),
        ...hintOf(token),
      })),
    );
  }

  /** While there is no user: a token that lets somebody from afar make the first one. Returns it, to be told once. */
  async #bootstrapToken(transaction: Statements): Promise<string | undefined> {
    const { users, starts } = this.parts;
    if (await users.any(transaction)) {
      await starts.delete(transaction, 'bootstrap token');
      return undefined;
    }
    const token = newCredential();
    await starts.set(transaction, 'bootstrap token', hashOf(token));
    return token;
  }
}
