import type { Schema, Transaction } from '@lapwing/postgres';
import { randomUUID } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';
import { decide, type Circumstances, type Decision, type Tellable } from '../domain/decision.js';
import type { AlertMessage, AlertNotice, MessageKind } from '../domain/message.js';
import { steady } from '../domain/quiet/flapping.js';
import { noteTold, nothingTold } from '../domain/quiet/rate.js';
import { describeRecovery } from '../domain/describe.js';
import { signalInfo } from '../domain/signals.js';
import type { AlertRow } from '../store/alert-row.js';
import type { AlertStore } from '../store/alert.store.js';
import type { AlertMemory, ChangeStore } from '../store/change.store.js';
import type { DeliveryStore, NewDelivery } from '../store/delivery.store.js';
import { QUIET_HOURS, type DueNotice, type NoticeStore } from '../store/notice.store.js';
import type { ChannelsService, Receiver } from './channels.service.js';
import type { ConfigService } from './config.service.js';
import type { Decided, PipelineService } from './pipeline.service.js';
import type { SilencesService } from './silences.service.js';

/** The alerts that one message lists; the others it counts. */
const MAX_LISTED = 50;

/** What telling needs. */
export interface TellingParts {
  schema: Schema;
  config: ConfigService;
  silences: SilencesService;
  channels: ChannelsService;
  alerts: AlertStore;
  changes: ChangeStore;
  notices: NoticeStore;
  deliveries: DeliveryStore;
  pipeline: PipelineService;
  publicUrl: string;
}

/** A storm is worked on in pieces that leave room for other work. */
const PIECE = 500;

interface Judged {
  notice: DueNotice;
  decision: Decision;
}

/** Decides what is told of all that could be, and makes messages of it: one for each group and channel. One process does this at a time. */
export class TellingService {
  constructor(private readonly parts: TellingParts) {}

  /** Handles what is due. */
  async tell(at: number): Promise<void> {
    const { notices, schema } = this.parts;
    const beganAt = performance.now();
    const due = await notices.due(at);
    if (due.length === 0) return;
    const receivers = await this.parts.channels.receivers();
    const decided = await schema.transaction('notices.tell', async (transaction) => {
      const memories = await this.parts.changes.memories(transaction, [...new Set(due.map(({ id }) => id))]);
      const given = await this.#circumstances(transaction);
      const there = await notices.lock(transaction, due);
      const open = due.filter(({ occurrence, kind }) => there.has(`${occurrence} ${kind}`));
      const judged: Judged[] = [];
      for (const piece of piecesOf(open)) {
        for (const notice of piece)
          judged.push({ notice, decision: decide(tellable(notice, memories.get(notice.id)), given, at) });
        await breathe();
      }
      for (const piece of piecesOf(judged)) await this.#putOff(transaction, piece);
      const told = judged.filter(({ decision }) => decision.do === 'tell').map(({ notice }) => notice);
      const deliveries = this.#deliveries(told, receivers, at);
      await this.parts.deliveries.add(transaction, deliveries, at);
      const reached = new Set(deliveries.flatMap(({ occurrences }) => occurrences));
      for (const piece of piecesOf(told)) await this.#noteTold(transaction, piece, { reached, memories, at });
      return decidedOf(told, deliveries);
    });
    this.parts.pipeline.decided(decided, beganAt);
  }

  async #circumstances(transaction: Transaction): Promise<Circumstances> {
    const { silences, windows } = await this.parts.silences.load();
    return { config: this.parts.config.current, silences, windows, away: await this.parts.alerts.away(transaction) };
  }

  async #putOff(transaction: Transaction, judged: readonly Judged[]): Promise<void> {
    const held = judged.flatMap(({ notice: { occurrence, kind }, decision }) =>
      decision.do === 'hold'
        ? [{ occurrence, kind, until: decision.until, why: decision.why, inhibitedBy: decision.inhibitedBy ?? null }]
        : [],
    );
    const dropped = judged.flatMap(({ notice: { occurrence, kind }, decision }) =>
      decision.do === 'drop' ? [{ occurrence, kind, why: decision.why }] : [],
    );
    await this.parts.notices.hold(transaction, held);
    await this.parts.notices.remove(transaction, dropped);
  }

  #deliveries(told: readonly DueNotice[], receivers: readonly Receiver[], at: number): NewDelivery[] {
    const groups = new Map<string, { kind: MessageKind; notices: DueNotice[] }>();
    for (const notice of told) {
      const kind = notice.kind === 'firing' && notice.held === QUIET_HOURS ? 'summary' : notice.kind;
      const key = kind === 'summary' ? kind : `${kind} ${notice.groupKey}`;
      const group = groups.get(key) ?? { kind, notices: [] };
      group.notices.push(notice);
      groups.set(key, group);
    }
    return [...groups.values()].flatMap(({ kind, notices }) =>
      receivers.flatMap((receiver) => {
        const own = notices.filter(({ channels }) => channels === null || channels.includes(receiver.id));
        return own.length > 0 ? [this.#delivery(receiver, kind, own, at)] : [];
      }),
    );
  }

  #delivery(receiver: Receiver, kind: MessageKind, notices: readonly DueNotice[], at: number): NewDelivery {
    const id = randomUUID();
    const message: AlertMessage = {
      id,
      kind,
      alerts: notices.slice(0, MAX_LISTED).map(noticeOf),
      total: notices.length,
      createdAt: at,
      publicUrl: this.parts.publicUrl,
    };
    const { kind: channel, name, service, target } = receiver;
    return {
      id,
      channelId: receiver.id,
      channel,
      name,
      service,
      target,
      message,
      occurrences: notices.map(({ occurrence }) => occurrence),
    };
  }

  async #noteTold(
    transaction: Transaction,
    told: readonly DueNotice[],
    { reached, memories, at }: { reached: ReadonlySet<number>; memories: ReadonlyMap<string, AlertMemory>; at: number },
  ): Promise<void> {
    const why = (occurrence: number): string => (reached.has(occurrence) ? '' : 'there is no channel');
    await this.parts.notices.remove(
      transaction,
      told.map(({ occurrence, kind }) => ({ occurrence, kind, why: why(occurrence) })),
    );
    const firing = told.filter(({ kind, occurrence }) => kind !== 'resolved' && reached.has(occurrence));
    await this.parts.alerts.noteTold(
      transaction,
      firing.map(({ occurrence }) => occurrence),
      at,
    );
    const { cooldown: cooldownMinutes, maxAlertsHour: maxPerHour } = this.parts.config.current.schedule;
    const next = firing.map(({ id }): [string, AlertMemory] => {
      const before = memories.get(id) ?? { flaps: steady, told: nothingTold };
      return [id, { ...before, told: noteTold(before.told, at, { cooldownMinutes, maxPerHour }) }];
    });
    await this.parts.changes.remember(transaction, new Map(next), at);
  }
}

/** What came straight here from its sample, and the message that tells it. What was held, or is told anew, was not on its way all the time. */
function decidedOf(told: readonly DueNotice[], deliveries: readonly NewDelivery[]): Decided[] {
  const messages = new Map<number, string>();
  for (const { id, occurrences } of deliveries.toReversed())
    for (const occurrence of occurrences) messages.set(occurrence, id);
  return told
    .filter(({ kind, held, upgraded }) => kind === 'firing' && held === '' && !upgraded)
    .map(({ occurrence, watchedAt, batchedAt }) => ({ watchedAt, batchedAt, deliveryId: messages.get(occurrence) }));
}

function* piecesOf<T>(all: readonly T[]): Generator<T[]> {
  for (let at = 0; at < all.length; at += PIECE) yield all.slice(at, at + PIECE);
}

function tellable(notice: DueNotice, memory: AlertMemory | undefined): Tellable {
  const { id: alertId, kind, level, signal, resource, upgraded, acknowledgedAt, resolvedAt, held } = notice;
  return {
    kind,
    alertId,
    level,
    signal,
    resource,
    upgraded,
    acknowledged: acknowledgedAt !== null,
    isResolved: resolvedAt !== null,
    wasInhibited: notice.inhibitedBy !== null,
    isFromQuietHours: held === QUIET_HOURS,
    flaps: memory?.flaps ?? steady,
    told: memory?.told ?? nothingTold,
  };
}

const withAffected = (message: string, count: number): string =>
  count > 0 ? `${message}; ${count} more are away with it` : message;

/** An alert as a message tells of it. */
function noticeOf(row: AlertRow): AlertNotice {
  const {
    id,
    level,
    signal,
    resource,
    message,
    value,
    threshold,
    unit,
    startedAt,
    resolvedAt,
    acknowledgedAt,
    acknowledgedBy,
  } = row;
  const { score, why, clearThreshold, affected, affectedCount, incidentId } = row;
  return {
    id,
    level,
    type: signal,
    resourceId: resource.id,
    resourceName: resource.name,
    resourceType: resource.type,
    node: resource.node,
    instance: resource.instance,
    message: resolvedAt === null ? withAffected(message, affectedCount) : describeRecovery(resource, signal, row),
    value,
    threshold,
    unit,
    startedAt,
    resolvedAt,
    acknowledged: acknowledgedAt !== null,
    acknowledgedAt,
    acknowledgedBy,
    metadata: {
      label: signalInfo(signal).label,
      clearThreshold,
      score,
      why,
      affected: affected.slice(0, 20).map(({ name }) => name),
      affectedCount,
      incidentId,
    },
  };
}
