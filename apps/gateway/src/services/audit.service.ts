import type { Bus } from '@lapwing/bus';
import { auditOccurred, type Actor, type AuditFact } from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import { randomUUID } from 'node:crypto';

const DENIAL_EVERY_MS = 60_000;
const MAX_DENIALS = 1000;

/** Tells the audit trail what was done through the gateway. */
export class AuditService {
  readonly #log = createLogger('gateway', 'audit');
  readonly #denials = new Map<string, number>();

  constructor(private readonly bus: Bus) {}

  /** Tells it, and waits until it is kept; a failure is logged with what should have been told. */
  async record(actor: Actor, fact: AuditFact): Promise<void> {
    const { name, userId, address } = actor;
    const eventId = randomUUID();
    const event = { details: {}, ...fact, eventId, time: Date.now(), actor: { name, userId, address } };
    try {
      await this.bus.publish(auditOccurred, 'gateway', event, eventId);
    } catch (error) {
      const { type, action, target } = fact;
      this.#log.error({ error: describeError(error), type, action, target, user: name }, 'not in the audit trail');
    }
  }

  /** Somebody known was refused: told once a minute for each of them and each route. */
  denied(actor: Actor, route: string, permission: string): void {
    const key = `${actor.name} ${route}`;
    const now = Date.now();
    if ((this.#denials.get(key) ?? 0) > now - DENIAL_EVERY_MS) return;
    if (this.#denials.size >= MAX_DENIALS) this.#denials.clear();
    this.#denials.set(key, now);
    void this.record(actor, { type: 'access', action: 'denied', target: route, details: { permission } });
  }
}
