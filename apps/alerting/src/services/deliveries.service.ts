import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  deliveryEnded,
  type InputOf,
  type OutputOf,
  type PayloadOf,
  type Trial,
  type deliveryDue,
  type notificationTest,
  type webhookTest,
} from '@lapwing/contracts';
import { counter, createLogger, describeError, histogram } from '@lapwing/telemetry';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Outcome } from '../channels/channel.js';
import { sendEmail } from '../channels/email/email.js';
import { sendWebhook } from '../channels/webhook.js';
import { retryAt } from '../domain/retry.js';
import type { AlertMessage } from '../domain/message.js';
import type { DeliveryStore, OpenDelivery } from '../store/delivery.store.js';
import { receiverOf, type Channel, type ChannelsService } from './channels.service.js';

const DEADLINE_MS = 30_000;
const TRIAL_MS = 10_000;
/** Messages to one channel at a time; fewer while one of them takes its time, so that others need not wait for it. */
const MOST_FOR_CHANNEL = 24;
const MOST_FOR_SLOW = 6;
const SLOW_MS = 2000;
const BUSY_MS = 1000;
/** So long what was sent is kept in mind while the database is away. */
const NOTE_MS = 600_000;
const AGAIN_MS = 250;
/** A message that is under way for longer hangs, or waits for a database that is away. */
const LONG_MS = 2 * DEADLINE_MS;

const attempts = counter<'channel' | 'outcome'>({
  name: 'lapwing_alerting_deliveries_total',
  help: 'Attempts to deliver messages, by what came of them',
  labelNames: ['channel', 'outcome'],
});
for (const channel of ['email', 'webhook'])
  for (const outcome of ['sent', 'retrying', 'failed']) attempts.inc({ channel, outcome }, 0);
const seconds = histogram<'channel'>({
  name: 'lapwing_alerting_delivery_seconds',
  help: 'From the decision to tell to the answer of the receiver',
  labelNames: ['channel'],
});

/** Whether a channel is sent as many messages as it may. */
function isFull(begun: ReadonlySet<{ at: number }>, now: number): boolean {
  const [oldest] = begun;
  const isSlow = oldest !== undefined && now - oldest.at > SLOW_MS;
  return begun.size >= (isSlow ? MOST_FOR_SLOW : MOST_FOR_CHANNEL);
}

/** Sends messages, and notes what becomes of each. */
export class DeliveriesService {
  readonly #log = createLogger('alerting', 'deliveries');
  /** The messages that each channel is being sent, and when that began. */
  readonly #sending = new Map<string, Set<{ at: number }>>();

  constructor(
    private readonly parts: {
      bus: Bus;
      deliveries: DeliveryStore;
      channels: ChannelsService;
      networks: readonly string[];
      publicUrl: string;
    },
  ) {}

  /** How long the oldest message has been under way, in milliseconds; undefined while there is none. */
  get oldestMs(): number | undefined {
    const oldest = [...this.#sending.values()].flatMap((begun) => [...begun].slice(0, 1)).map(({ at }) => at);
    return oldest.length > 0 ? performance.now() - Math.min(...oldest) : undefined;
  }

  /** Whether a message has been under way for longer than any should. */
  get isLate(): boolean {
    return (this.oldestMs ?? 0) > LONG_MS;
  }

  /** The channels that are sent fewer messages at a time, because they take long over one. */
  slow(now = performance.now()): { channelId: string; since: number }[] {
    return [...this.#sending].flatMap(([channelId, [oldest]]) =>
      oldest && now - oldest.at > SLOW_MS ? [{ channelId, since: Date.now() - Math.round(now - oldest.at) }] : [],
    );
  }

  /** Makes one attempt. What went wrong for now is tried again later, until there is no sense in it. */
  async deliver({ deliveryId, attempt }: PayloadOf<typeof deliveryDue>): Promise<void> {
    const { deliveries } = this.parts;
    const open = await deliveries.begin(deliveryId, attempt, Date.now());
    if (!open) return;
    const begun = this.#sending.get(open.channelId) ?? new Set();
    const now = performance.now();
    if (isFull(begun, now)) return deliveries.postpone(deliveryId, Date.now() + BUSY_MS);
    const mark = { at: now };
    this.#sending.set(open.channelId, begun.add(mark));
    try {
      await this.#attempt(open, attempt);
    } finally {
      begun.delete(mark);
      if (begun.size === 0) this.#sending.delete(open.channelId);
    }
  }

  async #attempt(open: OpenDelivery, attempt: number): Promise<void> {
    const { deliveries, channels } = this.parts;
    const { id: deliveryId } = open;
    const channel = await channels.find(open.channelId);
    const outcome = await this.#outcome(open, channel);
    const now = Date.now();
    const nextAt = outcome.status === 'failed' ? retryAt(outcome, attempt, now) : null;
    const status = outcome.status === 'sent' ? 'sent' : nextAt === null ? 'failed' : 'retrying';
    const error = outcome.status === 'sent' ? '' : outcome.reason;
    const size = Buffer.byteLength(JSON.stringify(open.message));
    await this.#untilThere(() =>
      deliveries.end(deliveryId, { status, code: outcome.code, error, size, at: now, nextAt }),
    );
    const kind = channel?.kind ?? 'webhook';
    attempts.inc({ channel: kind, outcome: status });
    if (status === 'retrying') return;
    seconds.observe({ channel: kind }, (now - open.message.createdAt) / 1000);
    await this.#ended(deliveryId, status, channel ? receiverOf(open.channelId, channel).target : '', error);
  }

  async #outcome({ id, message }: OpenDelivery, channel: Channel | undefined): Promise<Outcome> {
    const refused = (reason: string): Outcome => ({ status: 'failed', code: null, reason, retryable: false });
    if (!channel) return refused('the channel is gone');
    if (message.kind === 'resolved' && !(await this.parts.deliveries.hasTold(id)))
      return refused('the receiver never got the message that it fires');
    return this.#send(channel, message, DEADLINE_MS);
  }

  /** It was sent: that the database is away now must not make it be sent again. */
  async #untilThere(note: () => Promise<void>): Promise<void> {
    for (const until = performance.now() + NOTE_MS; ;) {
      try {
        return await note();
      } catch (error) {
        const isAway = error instanceof LapwingError && error.code === 'UNAVAILABLE';
        if (!isAway || performance.now() > until) throw error;
        await pause(AGAIN_MS);
      }
    }
  }

  async #ended(deliveryId: string, status: 'sent' | 'failed', target: string, error: string): Promise<void> {
    if (status === 'failed') this.#log.error({ delivery: deliveryId, target, reason: error }, 'a message was given up');
    // The ledger has it; whoever misses the news reads it there.
    await this.parts.bus
      .publish(deliveryEnded, deliveryId, { deliveryId, status, target, error }, `ended-${deliveryId}`)
      .catch((failure: unknown) =>
        this.#log.debug({ error: describeError(failure) }, 'that a delivery ended could not be told'),
      );
  }

  async #send(channel: Channel, message: AlertMessage, deadlineMs: number): Promise<Outcome> {
    const limits = { networks: this.parts.networks, deadlineMs };
    try {
      return channel.kind === 'email'
        ? await sendEmail(channel.settings, message, limits)
        : await sendWebhook(channel.webhook, message, limits);
    } catch (error) {
      this.#log.error({ error: describeError(error), channel: channel.kind }, 'sending failed');
      return { status: 'failed', code: null, reason: 'a fault of Lapwing itself: the log has it', retryable: true };
    }
  }

  /** Tries a webhook, saved or not. `INVALID_INPUT`, `NOT_FOUND`. */
  async tryWebhook({ id, draft }: InputOf<typeof webhookTest>): Promise<Trial> {
    const webhook = await this.parts.channels.draftedWebhook(id, draft);
    return this.#try({ kind: 'webhook', webhook });
  }

  /** Tries channels. `INVALID_INPUT` when there is none. */
  async tryAll(question: InputOf<typeof notificationTest>): Promise<OutputOf<typeof notificationTest>> {
    const channels = await this.#tryable(question);
    if (channels.length === 0) throw new LapwingError('INVALID_INPUT', 'there is no channel that is switched on');
    return { results: await Promise.all(channels.map((channel) => this.#try(channel))) };
  }

  async #tryable({ method, webhookId, config }: InputOf<typeof notificationTest>): Promise<Channel[]> {
    const { channels } = this.parts;
    if (config) return [{ kind: 'email', settings: await channels.draftedEmail({ ...config, enabled: true }) }];
    if (webhookId !== null) {
      const channel = await channels.find(webhookId);
      if (channel?.kind !== 'webhook') throw new LapwingError('NOT_FOUND', 'no such webhook');
      return [channel];
    }
    const wanted = (await channels.receivers()).filter(({ kind }) => method === null || kind === method);
    const found = await Promise.all(wanted.map(({ id }) => channels.find(id)));
    return found.flatMap((channel) => channel ?? []);
  }

  async #try(channel: Channel): Promise<Trial> {
    const { kind, name, service, target } = receiverOf('', channel);
    const message = this.#sample();
    const startedAt = Date.now();
    const outcome = await this.#send(channel, message, TRIAL_MS);
    const { code } = outcome;
    const error = outcome.status === 'failed' ? outcome.reason : '';
    const to = { channel: kind, name, service, target };
    await this.parts.deliveries.noteTrial({ to, message, code, error, startedAt, endedAt: Date.now() });
    return { channel: kind, name, success: outcome.status === 'sent', code, error };
  }

  #sample(): AlertMessage {
    const now = Date.now();
    const alert = {
      id: 'test-alert',
      level: 'warning' as const,
      type: 'cpu',
      resourceId: 'test-resource',
      resourceName: 'Test resource',
      resourceType: 'guest',
      node: 'test-node',
      instance: 'Lapwing',
      message: 'This is a test of Lapwing: nothing is wrong',
      value: 85.5,
      threshold: 80,
      unit: '%',
      startedAt: now - 60_000,
      resolvedAt: null,
      acknowledged: false,
      acknowledgedAt: null,
      acknowledgedBy: null,
      metadata: {},
    };
    return {
      id: randomUUID(),
      kind: 'test',
      alerts: [alert],
      total: 1,
      createdAt: now,
      publicUrl: this.parts.publicUrl,
    };
  }
}
