import type { LogEntry } from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { stampAt } from '../../domain/logs/container-lines.js';
import { DockerEngine, EngineFault } from '../docker/engine.js';
import { ownContainer } from '../docker/own-container.js';
import type { ListedContainer } from '../docker/report.js';
import type { LogPiece, LogPositions, LogReader } from '../log-reader.js';
import { ContainerLog, containerName, MAX_OF_ONE } from './container-log.js';

const KEY = 'docker';
const keyOf = (id: string): string => `${KEY}:${id}`;
/** Containers that are read at once. */
const MAX_OPEN = 200;
const MAX_PIECE = 2 ** 19;
/** Messages of one container before it is the next one's turn: one that floods must not delay the others. */
const SHARE = 200;
/** So many take a few milliseconds; then something else has its turn. */
const MESSAGES_AT_ONCE = 1000;
/** Where all that comes is held back, so many times more is looked for in one call. */
const MAX_ROUNDS = 32;
const LONGEST_WAIT_MS = 60_000;
const UNREADABLE_WAIT_MS = 300_000;
const FOLLOWED = new Set(['running', 'paused', 'restarting']);
const ENDED = new Set(['exited', 'dead']);

/** Which engine, and how much of each container. */
export interface DockerLogOptions {
  socket: string;
  /** Lines of one container, in the long run. */
  perSecond: number;
  /** How often containers are listed, milliseconds. */
  listMs?: number;
  /** Beginning of the id of the container that we ourselves run in, which is left out. */
  ownId?: string;
}

interface Piece {
  entries: LogEntry[];
  limit: number;
  /** Characters of its messages. */
  size: number;
  /** The containers that it is of. */
  ids: Set<string>;
}

const isFull = ({ entries, limit, size }: Piece): boolean => limit - entries.length < MAX_OF_ONE || size > MAX_PIECE;

interface Known {
  log: ContainerLog;
  failures: number;
  nextAt: number;
  /** Read to the end of its life, for as long as it stays so. */
  isDone: boolean;
}

/**
 * Reads the logs of Docker's containers over the engine's socket: those that run are followed, those that have ended are read to their end once. A container
 * without a position is read from when this host was first read. The position of a container is that of {@link ContainerLog}.
 */
export class DockerLogReader implements LogReader {
  readonly #log = createLogger('collector', 'docker logs');
  readonly #engine: DockerEngine;
  readonly #known = new Map<string, Known>();
  /** Positions of an earlier run, of containers that were not listed yet. */
  #kept = new Map<string, unknown>();
  #gone: string[] = [];
  #first = '';
  #timer: NodeJS.Timeout | undefined;
  #isStopped = true;
  #isListing: Promise<void> | undefined;
  #saidTooMany = false;
  /** Where the next call begins, so that each gets its turn. */
  #turn = 0;

  readonly #own: string | undefined;

  constructor(private readonly options: DockerLogOptions) {
    this.#own = options.ownId ?? ownContainer();
    this.#engine = new DockerEngine(options.socket);
  }

  start(positions: LogPositions): Promise<void> {
    const { first } = (positions[KEY] ?? {}) as { first?: unknown };
    this.#first = typeof first === 'string' && /^\d{10}\.\d{9}$/.test(first) ? first : stampAt(Date.now());
    const own = Object.entries(positions).filter(([key]) => key.startsWith(`${KEY}:`));
    this.#kept = new Map(own.map(([key, kept]) => [key.slice(KEY.length + 1), kept]));
    this.#isStopped = false;
    this.#next(0);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    for (const { log } of this.#known.values()) log.close();
    await this.#isListing;
    for (const { log } of this.#known.values()) log.close();
  }

  /** Reads at least four, and as many as `max`. */
  async read(max: number): Promise<LogPiece | null> {
    const piece = { entries: [] as LogEntry[], limit: Math.max(max, 2 * MAX_OF_ONE), size: 0, ids: new Set<string>() };
    for (let round = 0; round < MAX_ROUNDS && !this.#isStopped; round += 1) {
      if ((await this.#round(piece)) === 0 || isFull(piece)) break;
      await nextTurn();
    }
    if (piece.entries.length === 0) return null;
    const positions: LogPositions = { [KEY]: { first: this.#first } };
    for (const id of piece.ids) positions[keyOf(id)] = this.#known.get(id)?.log.kept ?? null;
    for (const id of this.#gone.splice(0)) positions[keyOf(id)] = null;
    return { entries: piece.entries, positions };
  }

  /** Gives each container its turn, until the piece is full; how many messages there were. */
  async #round(piece: Piece): Promise<number> {
    const all = [...this.#known];
    const begin = this.#turn;
    let messages = 0;
    let since = 0;
    for (let index = 0; index < all.length && !this.#isStopped; index += 1) {
      this.#turn = (begin + index) % all.length;
      if (isFull(piece)) return messages;
      const [id, known] = all[this.#turn] ?? [];
      if (!id || !known) break;
      const taken = this.#take(known, piece.limit - piece.entries.length);
      if (taken.count > 0 || taken.entries.length > 0) piece.ids.add(id);
      piece.entries.push(...taken.entries);
      for (const { message } of taken.entries) piece.size += message.length;
      messages += taken.count;
      since += taken.count;
      if (since < MESSAGES_AT_ONCE) continue;
      since = 0;
      await nextTurn();
    }
    this.#turn = all.length > 0 ? (this.#turn + 1) % all.length : 0;
    return messages;
  }

  #take(known: Known, max: number): { entries: LogEntry[]; count: number } {
    try {
      const taken = known.log.take(max, SHARE);
      if (taken.ended === 'broken') this.#failed(known);
      if (taken.ended === 'clean') known.failures = 0;
      return taken;
    } catch (error) {
      this.#log.warn({ reason: describeError(error).message }, 'a container whose log cannot be read');
      known.log.close();
      this.#failed(known, LONGEST_WAIT_MS);
      return { entries: [], count: 0 };
    }
  }

  #failed(known: Known, least = 0): void {
    const listMs = this.options.listMs ?? 5000;
    known.nextAt = Date.now() + Math.max(Math.min(listMs * 2 ** known.failures, LONGEST_WAIT_MS), least);
    known.failures = Math.min(known.failures + 1, 10);
    known.isDone = false;
  }

  #next(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#isListing = this.#list()
        .catch(() => undefined)
        .finally(() => {
          if (!this.#isStopped) this.#next(this.options.listMs ?? 5000);
        });
    }, ms);
    this.#timer.unref();
  }

  /** Looks which containers there are. An engine that is not there, or away, is asked again the next time. */
  async #list(): Promise<void> {
    if (!this.#engine.exists) return;
    const listed = await this.#engine.get<ListedContainer[]>('/containers/json?all=1');
    this.#forget(new Set(listed.map(({ Id }) => Id)));
    const running = listed.filter(({ State }) => FOLLOWED.has(State));
    const ended = listed.filter(({ State }) => ENDED.has(State));
    let open = [...this.#known.values()].filter(({ log }) => log.isOpen).length;
    for (const container of [...running, ...ended]) {
      if (this.#isStopped) return;
      if (!this.#isWanted(container)) continue;
      if (open >= MAX_OPEN) return this.#tooMany(listed.length);
      if (await this.#open(container)) open += 1;
    }
  }

  #forget(present: ReadonlySet<string>): void {
    for (const [id, { log }] of this.#known) {
      // What is left of one that was removed is still taken, and told.
      if (present.has(id) || log.isOpen || log.kept.held) continue;
      this.#known.delete(id);
      if (Object.keys(log.kept).length > 0) this.#gone.push(id);
    }
    for (const id of this.#kept.keys()) if (!present.has(id) && this.#kept.delete(id)) this.#gone.push(id);
  }

  #tooMany(containers: number): void {
    if (!this.#saidTooMany)
      this.#log.warn({ containers, atOnce: MAX_OPEN }, 'too many containers to follow all of them');
    this.#saidTooMany = true;
  }

  #isWanted(container: ListedContainer): boolean {
    if (this.#own !== undefined && container.Id.startsWith(this.#own)) return false;
    const known = this.#known.get(container.Id);
    if (!known) return true;
    // One that ended seconds ago may have run again since it was read to its end.
    if (FOLLOWED.has(container.State) || /second/i.test(container.Status)) known.isDone = false;
    return !known.isDone && !known.log.isOpen && Date.now() >= known.nextAt;
  }

  /** Throws only when the engine does not answer: then the others need not be asked. */
  async #open(container: ListedContainer): Promise<boolean> {
    const { Id: id, State: state } = container;
    const known = this.#known.get(id) ?? this.#meet(container);
    const follow = FOLLOWED.has(state);
    try {
      const { Config } = await this.#engine.get<{ Config?: { Tty?: boolean } }>(
        `/containers/${encodeURIComponent(id)}/json`,
      );
      await known.log.open(this.#engine, Config?.Tty === true, this.#first, follow);
      known.isDone = !follow;
      if (this.#isStopped) known.log.close();
      return true;
    } catch (error) {
      const isUnreadable =
        error instanceof EngineFault && (error.status === 501 || /log(?:ging)? driver|reading/i.test(error.reason));
      this.#failed(known, isUnreadable ? UNREADABLE_WAIT_MS : 0);
      if (error instanceof EngineFault) return false;
      throw error;
    }
  }

  #meet(container: ListedContainer): Known {
    const { Id: id, Image: image } = container;
    const of = { id, image, name: containerName(container), perSecond: this.options.perSecond };
    const known = { log: new ContainerLog(of, this.#kept.get(id)), failures: 0, nextAt: 0, isDone: false };
    this.#kept.delete(id);
    this.#known.set(id, known);
    return known;
  }
}
