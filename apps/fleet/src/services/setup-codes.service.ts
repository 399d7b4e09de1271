import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  addressBlock,
  auditOccurred,
  type InputOf,
  type OutputOf,
  type nodeRegister,
  type setupcodeCreate,
} from '@lapwing/contracts';
import type { Schema } from '@lapwing/postgres';
import { createLogger, describeError } from '@lapwing/telemetry';
import { randomBytes, randomUUID } from 'node:crypto';
import { normalizeHost } from '../domain/node-host.js';
import { LENGTH, LIFE_MS, LOCK_MS, MAX_OPEN, codeOf, hashOfCode, lockedUntil } from '../domain/setup-code.js';
import type { SetupCodeStore } from '../store/setup-code.store.js';
import type { NodesService } from './nodes.service.js';

const LOCK = 7_524_614;

/** Nodes that register themselves, with a code that somebody made for them or as somebody who may. */
export class SetupCodesService {
  readonly #log = createLogger('fleet', 'setup codes');

  constructor(
    private readonly bus: Bus,
    private readonly schema: Schema,
    private readonly store: SetupCodeStore,
    private readonly nodes: NodesService,
  ) {}

  /** Makes a code. `INVALID_INPUT`, `RATE_LIMITED` while too many are open. */
  async create({ actor, type, host }: InputOf<typeof setupcodeCreate>): Promise<OutputOf<typeof setupcodeCreate>> {
    const normal = hostOf(type, host);
    const code = codeOf(randomBytes(LENGTH));
    const now = Date.now();
    const expiresAt = now + LIFE_MS;
    await this.schema.exclusive('setup_code.create', { kind: LOCK }, async (transaction) => {
      if ((await this.store.open(transaction, now)) >= MAX_OPEN)
        throw new LapwingError('RATE_LIMITED', `at most ${MAX_OPEN} setup codes may be open`, {
          retryAfterMs: LIFE_MS,
        });
      const hash = hashOfCode(type, normal, code);
      await this.store.put(transaction, { hash, type, host: normal, expiresAt, createdBy: actor.name });
    });
    return { code, host: normal, expiresAt };
  }

  /** Takes a node in. `SETUP_CODE_INVALID`, `RATE_LIMITED`, and the errors of a new node. */
  async register(ask: InputOf<typeof nodeRegister>): Promise<OutputOf<typeof nodeRegister>> {
    const { draft, setupCode, actor, address } = ask;
    if (setupCode === null && actor === null) throw new LapwingError('UNAUTHENTICATED');
    const by =
      setupCode === null ? (actor?.name ?? '') : await this.#redeem(draft.type, draft.host, setupCode, address);
    const result = await this.nodes.register(draft);
    await this.#audit(result, by, address);
    return result;
  }

  /** Returns who made the code. It is used up, whatever becomes of the registration. */
  async #redeem(type: 'pve' | 'pbs' | 'pmg', host: string, code: string, address: string): Promise<string> {
    const normal = hostOf(type, host);
    const block = addressBlock(address);
    const now = Date.now();
    const verdict = await this.schema.exclusive('setup_code.redeem', { kind: LOCK }, async (transaction) => {
      const { failures, lastAt } = await this.store.attempts(transaction, block);
      const until = lockedUntil(failures, lastAt, now);
      if (until !== null) return { until };
      const by = await this.store.consume(transaction, hashOfCode(type, normal, code), now);
      if (by === undefined) await this.store.fail(transaction, block, now, LOCK_MS);
      return { by };
    });
    if (verdict.until !== undefined)
      throw new LapwingError('RATE_LIMITED', 'too many bad setup codes from this address', {
        retryAfterMs: verdict.until - now,
      });
    if (verdict.by === undefined)
      throw new LapwingError(
        'SETUP_CODE_INVALID',
        'this setup code does not exist, is used or too old, or was made for another type or host: make a new one',
      );
    return verdict.by;
  }

  async #audit({ node, isNew }: OutputOf<typeof nodeRegister>, by: string, address: string): Promise<void> {
    const eventId = randomUUID();
    const details = { type: node.type, host: node.host, new: isNew, by };
    const fact = { type: 'node', action: 'registered', target: node.id, details };
    const actor = { name: `node:${node.name}`, userId: null, address };
    await this.bus
      .publish(auditOccurred, 'fleet', { ...fact, eventId, time: Date.now(), actor }, eventId)
      .catch((error: unknown) =>
        this.#log.error({ error: describeError(error), id: node.id }, 'not in the audit trail'),
      );
  }
}

function hostOf(type: 'pve' | 'pbs' | 'pmg', text: string): string {
  const found = normalizeHost(type, text);
  if ('problem' in found) throw new LapwingError('INVALID_INPUT', found.problem);
  return found.host;
}
