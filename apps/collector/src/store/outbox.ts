import {
  MAX_GAPS_PER_MESSAGE,
  MAX_SAMPLES_PER_MESSAGE,
  type Gap,
  type HostFigures,
  type HostSample,
  type SeqRange,
} from '@lapwing/contracts';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { canContinue, interruption } from '../domain/interruption.js';
import { runsOf } from '../domain/ranges.js';

/** A sample that metrics-store has not confirmed yet. */
export interface Entry {
  outbox: string;
  seq: number;
  time: number;
  segment: Segment;
  offset: number;
  length: number;
  /** Where the stream put it, once it was sent. */
  position?: number;
  /** When it was sent last, milliseconds since 1970. */
  sentAt?: number;
  attempts: number;
}

interface Segment {
  file: string;
  bytes: number;
  hour: number;
  /** Entries in it that wait for confirmation. */
  waiting: Set<Entry>;
}

interface State {
  outbox: string;
  nextSeq: number;
  lastTime: number;
  stoppedCleanly: boolean;
  bootId: string;
  gaps: Gap[];
}

/** Where the outbox lies and how large it may grow. */
export interface OutboxOptions {
  folder: string;
  maxBytes: number;
  bootId: string;
  now: number;
}

const SEGMENT_BYTES = 2 ** 20;
const HOUR_MS = 3_600_000;
const STATE = 'state.json';
const SEGMENT = /^([a-z0-9]{8,32})-(\d+)\.log$/;

/**
 * Keeps samples on disk until metrics-store has them: numbered without a hole, in segments of at most 1 MiB and one hour,
 * a line each. A sample is taken once its line is written; a line that a crash tore apart was never taken. When the
 * outbox is full the oldest segment goes first, and the gap is noted with what was lost.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #segments: Segment[] = [];
  readonly #entries = new Map<string, Entry>();
  #state: State;
  #file: FileHandle | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(options: OutboxOptions, state: State) {
    this.#options = options;
    this.#state = state;
  }

  /** Opens the outbox of a folder, or makes a new one; finds what was not confirmed, and notes why samples are missing. */
  static async open(options: OutboxOptions): Promise<Outbox> {
    await mkdir(options.folder, { recursive: true });
    const last = await readState(options.folder);
    const { bootId, now } = options;
    const fresh: State = { outbox: newId(), nextSeq: 1, lastTime: 0, stoppedCleanly: false, bootId, gaps: [] };
    const outbox = new Outbox(options, last ?? fresh);
    await outbox.#recover();
    if (last) outbox.#resume(last, now);
    outbox.#state.stoppedCleanly = false;
    outbox.#state.bootId = bootId;
    await outbox.#rotate(now);
    return outbox;
  }

  /** The name of this outbox: numbers are unique within it. */
  get id(): string {
    return this.#state.outbox;
  }

  /** The number that the next sample gets. */
  get nextSeq(): number {
    return this.#state.nextSeq;
  }

  /** Gaps that metrics-store has not confirmed yet. */
  get gaps(): Gap[] {
    return this.#state.gaps;
  }

  /** What waits for confirmation, oldest first. */
  waiting(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Whether a sample waits for confirmation still. */
  holds({ outbox, seq }: Entry): boolean {
    return this.#entries.has(`${outbox}/${seq}`);
  }

  /** How many samples wait for confirmation. */
  get size(): number {
    return this.#entries.size;
  }

  /** Numbers a sample and writes it down; when this resolves, the sample counts as taken. */
  append(
    figures: HostFigures & { stale: HostSample['stale'] },
    time: number,
  ): Promise<{ sample: HostSample; entry: Entry }> {
    return this.#serially(async () => {
      const current = this.#segments.at(-1);
      if (!current || current.bytes > SEGMENT_BYTES || current.hour !== hourOf(time)) await this.#rotate(time);
      const segment = this.#segments.at(-1);
      if (!segment || !this.#file) throw new Error('the outbox is closed');
      const seq = this.#state.nextSeq;
      const sample: HostSample = { seq, time, ...figures };
      const line = Buffer.from(`${JSON.stringify(sample)}\n`);
      await this.#file.write(line, 0, line.length, segment.bytes);
      const entry = this.#add(segment, this.#state.outbox, sample, segment.bytes, line.length);
      segment.bytes += line.length;
      this.#state.nextSeq = seq + 1;
      this.#state.lastTime = Math.max(this.#state.lastTime, time);
      return { sample, entry };
    });
  }

  /** Reads samples back, for sending them again. At most as many as one message carries. */
  async read(entries: Entry[]): Promise<HostSample[]> {
    const samples: HostSample[] = [];
    let file: FileHandle | undefined;
    let name = '';
    try {
      for (const { segment, offset, length } of entries.slice(0, MAX_SAMPLES_PER_MESSAGE)) {
        if (segment.file !== name) {
          await file?.close();
          file = await open(this.#path(segment.file), 'r');
          name = segment.file;
        }
        const buffer = Buffer.alloc(length);
        await file?.read(buffer, 0, length, offset);
        samples.push(JSON.parse(buffer.toString()) as HostSample);
      }
    } finally {
      await file?.close();
    }
    return samples;
  }

  /** metrics-store has these: they may be forgotten. */
  async confirm(outbox: string, ranges: SeqRange[]): Promise<void> {
    for (const [first, last] of ranges) {
      // Ranges come from outside: walk whichever is shorter, the range or what waits.
      if (last - first < this.#entries.size) for (let seq = first; seq <= last; seq++) this.#forget(`${outbox}/${seq}`);
      else
        for (const [key, entry] of this.#entries)
          if (entry.outbox === outbox && entry.seq >= first && entry.seq <= last) this.#forget(key);
    }
    await this.#serially(() => this.#removeConfirmed());
  }

  /** metrics-store has noted these gaps. */
  async confirmGaps(confirmed: Gap[]): Promise<void> {
    await this.#serially(async () => {
      const nameOf = ({ from, to, cause }: Gap): string => `${from} ${to} ${cause}`;
      const known = new Set(confirmed.map(nameOf));
      this.#state.gaps = this.#state.gaps.filter((gap) => !known.has(nameOf(gap)));
      await this.#saveState();
    });
  }

  /** Notes that it was closed on purpose, and closes. */
  close(): Promise<void> {
    return this.#serially(async () => {
      this.#state.stoppedCleanly = true;
      await this.#file?.sync();
      await this.#file?.close();
      this.#file = undefined;
      await this.#saveState();
    });
  }

  #resume(last: State, now: number): void {
    if (last.lastTime > 0)
      this.#note(interruption({ ...last, lastTime: this.#state.lastTime }, now, this.#options.bootId));
    if (canContinue(last, this.#options.bootId)) return;
    this.#state.outbox = newId();
    this.#state.nextSeq = 1;
  }

  async #recover(): Promise<void> {
    const files = (await readdir(this.#options.folder)).flatMap((file) => {
      const match = SEGMENT.exec(file);
      return match?.[1] && match[2] ? [{ file, outbox: match[1], first: Number(match[2]) }] : [];
    });
    for (const { file, outbox, first } of files.toSorted((a, b) => a.first - b.first)) {
      // A segment is named after its first number, so the name tells what was used before it, whatever became of that.
      if (outbox === this.#state.outbox) this.#state.nextSeq = Math.max(this.#state.nextSeq, first);
      await this.#recoverSegment(file, outbox);
    }
  }

  async #recoverSegment(file: string, outbox: string): Promise<void> {
    const content = await readFile(this.#path(file));
    const segment: Segment = { file, bytes: content.length, hour: 0, waiting: new Set() };
    const seqs: number[] = [];
    for (let offset = 0, end = content.indexOf(10); end >= 0; offset = end + 1, end = content.indexOf(10, offset)) {
      const sample = parseLine(content.subarray(offset, end));
      if (!sample) continue;
      segment.hour = hourOf(sample.time);
      this.#add(segment, outbox, sample, offset, end + 1 - offset);
      seqs.push(sample.seq);
      if (outbox === this.#state.outbox) this.#state.nextSeq = Math.max(this.#state.nextSeq, sample.seq + 1);
      this.#state.lastTime = Math.max(this.#state.lastTime, sample.time);
    }
    this.#segments.push(segment);
    const times = [...segment.waiting].map((entry) => entry.time);
    for (const [hole, next] of holesOf(seqs))
      this.#note({ from: times[0] ?? 0, to: times.at(-1) ?? 0, cause: 'outbox_damaged', lost: [hole, next] });
  }

  #add(segment: Segment, outbox: string, sample: HostSample, offset: number, length: number): Entry {
    const entry: Entry = { outbox, seq: sample.seq, time: sample.time, segment, offset, length, attempts: 0 };
    segment.waiting.add(entry);
    this.#entries.set(`${outbox}/${sample.seq}`, entry);
    return entry;
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    entry.segment.waiting.delete(entry);
  }

  #note(gap: Gap): void {
    this.#state.gaps = [...this.#state.gaps, gap].slice(-MAX_GAPS_PER_MESSAGE);
  }

  async #rotate(time: number): Promise<void> {
    await this.#file?.close();
    const file = `${this.#state.outbox}-${this.#state.nextSeq}.log`;
    const known = this.#segments.findIndex((segment) => segment.file === file);
    if (known >= 0) this.#segments.splice(known, 1);
    this.#segments.push({ file, bytes: 0, hour: hourOf(time), waiting: new Set() });
    this.#file = await open(this.#path(file), 'w');
    const surplus = this.#giveUpSurplus();
    // First the record of what is given up, then its files: a crash between the two loses nothing from the books.
    await this.#saveState();
    for (const segment of surplus) await this.#remove(segment);
    await this.#removeConfirmed();
  }

  /** Gives up the oldest segments when there are too many bytes, and notes what is lost with them. */
  #giveUpSurplus(): Segment[] {
    let bytes = this.#segments.reduce((total, segment) => total + segment.bytes, 0);
    const surplus: Segment[] = [];
    for (const oldest of this.#segments.slice(0, -1)) {
      if (bytes <= this.#options.maxBytes - SEGMENT_BYTES) break;
      bytes -= oldest.bytes;
      surplus.push(oldest);
      const lost = [...oldest.waiting];
      for (const run of runsOf(lost.map((entry) => entry.seq))) {
        const within = lost.filter((entry) => entry.seq >= run[0] && entry.seq <= run[1]);
        this.#note({ from: within[0]?.time ?? 0, to: within.at(-1)?.time ?? 0, cause: 'outbox_full', lost: run });
      }
      for (const entry of lost) this.#forget(`${entry.outbox}/${entry.seq}`);
    }
    return surplus;
  }

  async #removeConfirmed(): Promise<void> {
    for (const segment of this.#segments.slice(0, -1)) if (segment.waiting.size === 0) await this.#remove(segment);
  }

  async #remove(segment: Segment): Promise<void> {
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    await rm(this.#path(segment.file), { force: true });
  }

  async #saveState(): Promise<void> {
    const temporary = this.#path(`${STATE}.new`);
    const file = await open(temporary, 'w');
    try {
      await writeFile(file, JSON.stringify(this.#state));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path(STATE));
  }

  #serially<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => {});
    return done;
  }

  #path(file: string): string {
    return path.join(this.#options.folder, file);
  }
}

const newId = (): string => randomBytes(6).toString('hex');
const hourOf = (time: number): number => Math.floor(time / HOUR_MS);

/** Numbers that are missing between those found. */
function holesOf(ascending: number[]): SeqRange[] {
  return ascending.flatMap((seq, index): SeqRange[] => {
    const before = ascending[index - 1];
    return before !== undefined && seq > before + 1 ? [[before + 1, seq - 1]] : [];
  });
}

function parseLine(line: Buffer): HostSample | undefined {
  try {
    const value = JSON.parse(line.toString()) as HostSample;
    return Number.isSafeInteger(value.seq) && Number.isFinite(value.time) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function readState(folder: string): Promise<State | undefined> {
  try {
    const state = JSON.parse(await readFile(path.join(folder, STATE), 'utf8')) as State;
    return typeof state.outbox === 'string' && Number.isSafeInteger(state.nextSeq) ? state : undefined;
  } catch {
    return undefined;
  }
}
