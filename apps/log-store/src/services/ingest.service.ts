import type { Bus, Delivery } from '@lapwing/bus';
import { LapwingError, foldRanges, logCollected, logsStored, type LogBatch, type PayloadOf } from '@lapwing/contracts';
import type { Migrations, Postgres, Transaction } from '@lapwing/postgres';
import { counter } from '@lapwing/telemetry';
import { setImmediate as breathe } from 'node:timers/promises';
import { storableEntry, storableName } from '../domain/arrival.js';
import { entrySeq } from '../domain/entry-id.js';
import { levelNumber } from '../domain/levels.js';
import type { BatchKey, DeliveryStore } from '../store/delivery.store.js';
import { Volume, type EntryRow, type EntryStore } from '../store/entry.store.js';
import type { StreamKey, StreamStore } from '../store/stream.store.js';

type Message = PayloadOf<typeof logCollected>;
type Arrived = BatchKey & { agentId: string; batch: LogBatch };

/** Lines that one statement writes, and that are worked on before others have their turn. */
const PIECE = 1000;
const DAY_MS = 86_400_000;
/** No partition for a line; a number that was forgotten: both are so no more at the next try. Source: PostgreSQL, appendix A. */
const PASSING = new Set(['23514', '23503']);

const linesTotal = counter<'outcome'>({
  name: 'lapwing_log_lines_total',
  help: 'Lines by what became of them: stored, or known (their batch was stored before)',
  labelNames: ['outcome'],
});
for (const outcome of ['stored', 'known']) linesTotal.inc({ outcome }, 0);

/** Stores what collectors send, each batch once, and tells them what is safe. */
export class IngestService {
  constructor(
    private readonly bus: Bus,
    private readonly postgres: Postgres,
    private readonly migrations: Migrations,
    private readonly streams: StreamStore,
    private readonly deliveries: DeliveryStore,
    private readonly entries: EntryStore,
    private readonly keepDays: () => number,
  ) {}

  /** Stores a batch of messages. Throws `UNAVAILABLE` while the database is away: nothing is stored then. */
  async store(messages: Delivery<Message>[]): Promise<void> {
    if (!this.migrations.ready) throw new LapwingError('UNAVAILABLE', 'the database is not ready yet');
    const arrived = await this.#number(messages);
    const streamOf = await this.streams.ensure(streamKeys(arrived));
    const keptSince = Math.max(Date.now() - this.keepDays() * DAY_MS, await this.entries.floor());
    const stored = await this.#retryable(() =>
      this.postgres.transaction('entries.store', async (transaction) => {
        const claimed = await this.deliveries.claim(transaction, arrived);
        const isNew = new Set(claimed.map(({ outboxId, seq }) => `${outboxId} ${seq}`));
        const fresh = arrived.filter(({ outboxId, seq }) => isNew.has(`${outboxId} ${seq}`));
        if (fresh.length > 0) await this.#write(transaction, fresh, streamOf, keptSince);
        return lines(fresh);
      }),
    );
    this.#tell(messages);
    linesTotal.inc({ outcome: 'stored' }, stored);
    linesTotal.inc({ outcome: 'known' }, lines(arrived) - stored);
  }

  /** The batches of the messages, each once, with the numbers of their outboxes. */
  async #number(messages: Delivery<Message>[]): Promise<Arrived[]> {
    const outboxIdOf = await this.deliveries.ensure(messages.map(({ payload }) => payload));
    const arrived = new Map<string, Arrived>();
    for (const { payload } of messages) {
      const outboxId = outboxIdOf(payload.agentId, payload.outbox);
      for (const batch of payload.batches)
        arrived.set(`${outboxId} ${batch.seq}`, { outboxId, seq: batch.seq, agentId: payload.agentId, batch });
    }
    return [...arrived.values()];
  }

  /** Writes the lines of new batches in pieces. */
  async #write(
    transaction: Transaction,
    fresh: Arrived[],
    streamOf: (key: StreamKey) => number,
    keptSince: number,
  ): Promise<void> {
    const volume = new Volume();
    const newest = new Map<number, number>();
    let piece: EntryRow[] = [];
    const flush = async (): Promise<void> => {
      if (piece.length > 0) await this.entries.insert(transaction, piece);
      piece = [];
      await breathe();
    };
    for (const arrival of fresh) {
      for (const row of rowsOf(arrival, streamOf, keptSince)) {
        piece.push(row);
        volume.add(row);
        newest.set(row.streamId, Math.max(newest.get(row.streamId) ?? 0, row.time));
      }
      if (piece.length >= PIECE) await flush();
    }
    await flush();
    await this.entries.count(transaction, volume);
    await this.streams.touch(transaction, newest);
  }

  async #retryable<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!PASSING.has((error as { code?: string }).code ?? '')) throw error;
      this.deliveries.forgetNumbers();
      throw new LapwingError('UNAVAILABLE', 'what a line belongs to has gone meanwhile');
    }
  }

  #tell(messages: Delivery<Message>[]): void {
    const byOutbox = new Map<string, { agentId: string; outbox: string; seqs: number[] }>();
    for (const { payload } of messages) {
      const { agentId, outbox, batches } = payload;
      const entry = byOutbox.get(`${agentId}\n${outbox}`) ?? { agentId, outbox, seqs: [] };
      for (const { seq } of batches) entry.seqs.push(seq);
      byOutbox.set(`${agentId}\n${outbox}`, entry);
    }
    for (const { agentId, outbox, seqs } of byOutbox.values())
      this.bus.announce(logsStored, agentId, { agentId, outbox, ranges: foldRanges(seqs) });
  }
}

const lines = (batches: Arrived[]): number => batches.reduce((sum, { batch }) => sum + batch.entries.length, 0);

function streamKeys(arrived: Arrived[]): StreamKey[] {
  const keys: StreamKey[] = [];
  const seen = new Map<string, Set<string>>();
  for (const { agentId, batch } of arrived) {
    const own = seen.get(agentId) ?? new Set();
    seen.set(agentId, own);
    for (const { source, name } of batch.entries) {
      if (own.has(source + name)) continue;
      own.add(source + name);
      keys.push({ agentId, source, name: storableName(name) });
    }
  }
  return keys;
}

/** The rows of a batch; each stream is looked up once. */
function rowsOf(
  { agentId, batch, outboxId }: Arrived,
  streamOf: (key: StreamKey) => number,
  keptSince: number,
): EntryRow[] {
  const now = Date.now();
  const seq = entrySeq(outboxId, batch.seq);
  const streamIds = new Map<string, number>();
  return batch.entries.map((entry, line) => {
    const { source, name, level } = entry;
    const key = source + name;
    let streamId = streamIds.get(key);
    if (streamId === undefined) {
      streamId = streamOf({ agentId, source, name: storableName(name) });
      streamIds.set(key, streamId);
    }
    const { time, message, fields } = storableEntry(entry, now, keptSince);
    return { time, seq, line, streamId, level: levelNumber(level), message, fields };
  });
}
