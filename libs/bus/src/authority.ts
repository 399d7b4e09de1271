import { LapwingError } from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { setTimeout as pause } from 'node:timers/promises';
import { issueUser, lifeOf } from './credentials.js';
import { encodeBusAccount, type AuthorityKeys } from './keys.js';
import { agentPermissions, inboxOf } from './permissions.js';

/** A key whose JWTs, up to an instant (milliseconds since 1970), are void. */
export interface Revocation {
  publicKey: string;
  at: number;
}

/** How long the servers have to answer; the last of several to answer is waited for this long after the one before. */
const ANSWER_MS = 3000;
const STALL_MS = 300;
const TRY_MS = 200;
const MAX_TRIES = 21;

type ClaimsAnswer = { server?: { name?: string }; data?: { code?: number }; error?: { description?: string } };

/** Lets agents onto the bus, and shuts them out again. */
export class BusAuthority {
  readonly #log = createLogger('fleet', 'authority');
  #connection: Promise<NatsConnection> | undefined;

  /** @param servers addresses of NATS, separated by commas. */
  constructor(
    private readonly servers: string,
    private readonly keys: AuthorityKeys,
  ) {}

  /** Ends the connection to the servers. */
  async stop(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.close();
  }

  /**
   * Makes the credentials of an agent: good for its own subjects and no others.
   * @param after a JWT that is not newer than this (milliseconds since 1970) would be void: it is waited for the next second.
   * @throws LapwingError `UNAVAILABLE` when that is not within four seconds.
   */
  async admit(
    agentId: string,
    publicKey: string,
    expiresAt: number,
    after = 0,
  ): Promise<{ jwt: string; issuedAt: number }> {
    const issuer = { account: this.keys.account, signingSeed: this.keys.accountSigningSeed };
    const permissions = agentPermissions(agentId);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const jwt = await issueUser(issuer, { name: `agent ${agentId}`, publicKey, permissions, expiresAt });
      const { issuedAt } = lifeOf(jwt);
      if (issuedAt > after) return { jwt, issuedAt };
      await pause(TRY_MS);
    }
    throw new LapwingError('UNAVAILABLE', 'the key was revoked at a time that is still to come: try again');
  }

  /**
   * Tells every server which keys are void; each cuts the live connections of those at once and refuses new ones.
   * @param revocations all of them: what is not listed is not revoked any more.
   * @returns how many servers have confirmed, and how many have refused.
   * @throws LapwingError `UNAVAILABLE` when none has.
   */
  async enforce(revocations: Revocation[]): Promise<{ confirmed: number; refused: number }> {
    const revoked = Object.fromEntries(revocations.map(({ publicKey, at }) => [publicKey, Math.floor(at / 1000)]));
    const account = await encodeBusAccount(this.keys, revoked);
    let [confirmed, refused] = [0, 0];
    try {
      const connection = await this.#connect();
      const options = { strategy: 'stall', maxWait: ANSWER_MS, stall: STALL_MS } as const;
      for await (const message of await connection.requestMany('$SYS.REQ.CLAIMS.UPDATE', account, options)) {
        const { server, data, error } = message.json<ClaimsAnswer>();
        if (data?.code === 200) confirmed++;
        else {
          refused++;
          this.#log.warn({ server: server?.name, reason: error?.description }, 'a NATS server refused the account');
        }
      }
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'the NATS servers could not be told who is revoked');
    }
    if (confirmed === 0) throw new LapwingError('UNAVAILABLE', 'no NATS server has confirmed the revocations');
    return { confirmed, refused };
  }

  async #connect(): Promise<NatsConnection> {
    const known = await this.#connection?.catch(() => undefined);
    if (known && !known.isClosed()) return known;
    const { jwt, seed } = this.keys.system;
    this.#connection = connect({
      name: 'lapwing-authority',
      servers: this.servers.split(','),
      authenticator: jwtAuthenticator(jwt, Buffer.from(seed)),
      inboxPrefix: inboxOf('service', 'authority'),
      timeout: 3000,
      reconnectTimeWait: 250,
      maxReconnectAttempts: 20,
    });
    return this.#connection;
  }
}
