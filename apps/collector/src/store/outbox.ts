import { MAX_GAPS_PER_MESSAGE, foldRanges, type Gap, type HostSample, type SeqRange } from '@lapwing/contracts';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, readdir, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { canContinue, interruption } from '../domain/interruption.js';
import { RecordFile, SEGMENT, holesOf, parseLine, readState, replaceState, type State } from './outbox-files.js';

/** A record that its store has not confirmed yet. */
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

/** Where the outbox lies and how large it may grow. */
export interface OutboxOptions<Body extends object = SampleBody, Sum = null> {
  folder: string;
  maxBytes: number;
  bootId: string;
  now: number;
  /**
   * For what can be read again where it came from: a record is on the disk itself before it counts as taken, so that the numbers go on after a power
   * cut; time without records is no gap; and nothing is given up: whoever appends looks at `isFull` first.
   */
  isDurable?: boolean;
  /** What is to be known of all records there have been, the confirmed ones, too: where reading stands. */
  fold?: Fold<Body, Sum>;
}

/** Sums records up, in the order of their numbers. */
export interface Fold<Body, Sum> {
  /** The sum of none. */
  begin(): Sum;
  /** May change the sum that it is given. */
  add(sum: Sum, body: Body): Sum;
}

/** A sample as the outbox gets it. */
export type SampleBody = Omit<HostSample, 'seq' | 'time'>;

/** What the outbox has numbered. */
export type Numbered<Body> = Body & { seq: number; time: number };

/** A record that was just taken, and how the outbox knows it. */
export interface Taken<Body> {
  record: Numbered<Body>;
  entry: Entry;
}

const SEGMENT_BYTES = 2 ** 20;
/** So many records may wait where nothing is given up: each takes some memory. */
const MAX_WAITING = 50_000;
const HOUR_MS = 3_600_000;

/**
 * Keeps records (samples, batches of lines) on disk until their store has them: numbered without a hole, in segments of about 1 MiB and at most one
 * hour, a line each. A record is taken once its line is written; a line that a crash tore apart was never taken. When the
 * outbox is full the oldest segment goes first, and the gap is noted with what was lost.
 */
export class Outbox<Body extends object = SampleBody, Sum = null> {
  readonly #options: OutboxOptions<Body, Sum>;
  readonly #segments: Segment[] = [];
  readonly #entries = new Map<string, Entry>();
  #state: State;
  #sum: Sum;
  #file: RecordFile | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  #givenUp = 0;

  private constructor(options: OutboxOptions<Body, Sum>, state: State) {
    this.#options = options;
    this.#state = state;
    this.#sum = (state.sum ?? options.fold?.begin() ?? null) as Sum;
  }

  /** Opens the outbox of a folder, or makes a new one; finds what was not confirmed, and notes why samples are missing. */
  static async open<Body extends object = SampleBody, Sum = null>(
    options: OutboxOptions<Body, Sum>,
  ): Promise<Outbox<Body, Sum>> {
    await mkdir(options.folder, { recursive: true });
    const last = await readState(options.folder);
    const { bootId, now } = options;
    const fresh: State = { outbox: newId(), nextSeq: 1, lastTime: 0, stoppedCleanly: false, bootId, gaps: [] };
    const outbox = new Outbox<Body, Sum>(options, last ?? fresh);
    await outbox.#recover(last === undefined);
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

  /** The number that the next record gets. */
  get nextSeq(): number {
    return this.#state.nextSeq;
  }

  /** Gaps that metrics-store has not confirmed yet. */
  get gaps(): Gap[] {
    return this.#state.gaps;
  }

  /** How many records were given up since it was opened, because it was full. */
  get givenUp(): number {
    return this.#givenUp;
  }

  /** All records so far, summed up by `fold`. */
  get sum(): Sum {
    return this.#sum;
  }

  /** Whether it holds as much as it may. */
  get isFull(): boolean {
    return this.#entries.size >= MAX_WAITING || this.#bytes > this.#options.maxBytes - SEGMENT_BYTES;
  }

  get #bytes(): number {
    return this.#segments.reduce((total, segment) => total + segment.bytes, 0);
  }

  /** What waits for confirmation, oldest first. */
  waiting(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Whether a record waits for confirmation still. */
  holds({ outbox, seq }: Entry): boolean {
    return this.#entries.has(`${outbox}/${seq}`);
  }

  /** How many records wait for confirmation. */
  get size(): number {
    return this.#entries.size;
  }

  /** Numbers a record and writes it down; when this resolves, it counts as taken. */
  async append(body: Body, time: number): Promise<Taken<Body>> {
    const [taken] = await this.appendAll([body], time);
    if (!taken) throw new Error('nothing was taken');
    return taken;
  }

  /** Takes several records at once: all of them, or none. */
  appendAll(bodies: Body[], time: number): Promise<Taken<Body>[]> {
    return this.#serially(async () => {
      const current = this.#segments.at(-1);
      if (!current || current.bytes > SEGMENT_BYTES || current.hour !== hourOf(time)) await this.#rotate(time);
      const segment = this.#segments.at(-1);
      if (!segment || !this.#file) throw new Error('the outbox is closed');
      const first = this.#state.nextSeq;
      const records = bodies.map((body, index): Numbered<Body> => ({ seq: first + index, time, ...body }));
      const lines = records.map((record, index) => {
        // A crash may leave the first of several on disk: the mark says that they count only together with what follows.
        const more = index < records.length - 1 && { more: true };
        return Buffer.from(`${JSON.stringify(more ? { ...record, ...more } : record)}\n`);
      });
      await this.#file.append(Buffer.concat(lines), this.#options.isDurable === true);
      return records.map((record, index): Taken<Body> => {
        const length = lines[index]?.length ?? 0;
        const entry = this.#add(segment, this.#state.outbox, record, segment.bytes, length);
        segment.bytes += length;
        this.#count(record);
        return { record, entry };
      });
    });
  }

  /** Changes the sum where no record does, and saves it. */
  amend(change: (sum: Sum) => Sum): Promise<void> {
    return this.#serially(async () => {
      this.#sum = change(this.#sum);
      await this.#saveState();
    });
  }

  /** Reads records back, for sending them again. */
  async read(entries: Entry[]): Promise<Numbered<Body>[]> {
    const records: Numbered<Body>[] = [];
    let file: FileHandle | undefined;
    let name = '';
    try {
      for (const { segment, offset, length } of entries) {
        if (segment.file !== name) {
          await file?.close();
          file = await open(this.#path(segment.file), 'r');
          name = segment.file;
        }
        const buffer = Buffer.alloc(length);
        await file?.read(buffer, 0, length, offset);
        records.push(JSON.parse(buffer.toString()) as Numbered<Body>);
      }
    } finally {
      await file?.close();
    }
    return records;
  }

  /** The store has these: they may be forgotten. */
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
    if (this.#options.isDurable) return;
    if (last.lastTime > 0)
      this.#note(interruption({ ...last, lastTime: this.#state.lastTime }, now, this.#options.bootId));
    if (canContinue(last, this.#options.bootId)) return;
    this.#state.outbox = newId();
    this.#state.nextSeq = 1;
  }

  /** @param isAnew whether the state was lost: then what older outboxes hold is all that is known. */
  async #recover(isAnew: boolean): Promise<void> {
    const files = (await readdir(this.#options.folder)).flatMap((file) => {
      const match = SEGMENT.exec(file);
      return match?.[1] && match[2] ? [{ file, outbox: match[1], first: Number(match[2]) }] : [];
    });
    if (isAnew && files.length > 0 && this.#options.isDurable)
      this.#note({ from: 0, to: this.#options.now, cause: 'outbox_damaged', lost: null });
    for (const { file, outbox, first } of files.toSorted((a, b) => a.first - b.first)) {
      // A segment is named after its first number, so the name tells what was used before it, whatever became of that.
      if (outbox === this.#state.outbox) this.#state.nextSeq = Math.max(this.#state.nextSeq, first);
      await this.#recoverSegment(file, outbox, isAnew);
    }
  }

  async #recoverSegment(file: string, outbox: string, isAnew: boolean): Promise<void> {
    const content = await readFile(this.#path(file));
    const segment: Segment = { file, bytes: content.length, hour: 0, waiting: new Set() };
    const seqs: number[] = [];
    /** Records that count only when the rest of what was taken with them is there, too. */
    let together: { record: Numbered<Body>; offset: number; length: number }[] = [];
    for (let offset = 0, end = content.indexOf(10); end >= 0; offset = end + 1, end = content.indexOf(10, offset)) {
      const record = parseLine<Body>(content.subarray(offset, end));
      if (!record) continue;
      together.push({ record, offset, length: end + 1 - offset });
      if (record.more) continue;
      for (const { record: taken, offset: at, length } of together) {
        segment.hour = hourOf(taken.time);
        this.#add(segment, outbox, taken, at, length);
        seqs.push(taken.seq);
        if (outbox === this.#state.outbox) this.#count(taken);
        else if (isAnew) this.#sumUp(taken);
        this.#state.lastTime = Math.max(this.#state.lastTime, taken.time);
      }
      together = [];
    }
    this.#segments.push(segment);
    const times = [...segment.waiting].map((entry) => entry.time);
    for (const [hole, next] of holesOf(seqs))
      this.#note({ from: times[0] ?? 0, to: times.at(-1) ?? 0, cause: 'outbox_damaged', lost: [hole, next] });
  }

  /** Notes that a record of this outbox is there. */
  #count(record: Numbered<Body>): void {
    // What the saved sum holds already must not go into it again: it would set it back.
    if (record.seq > (this.#state.summedUpTo ?? 0)) this.#sumUp(record);
    this.#state.nextSeq = Math.max(this.#state.nextSeq, record.seq + 1);
    this.#state.lastTime = Math.max(this.#state.lastTime, record.time);
  }

  #sumUp(record: Numbered<Body>): void {
    if (this.#options.fold) this.#sum = this.#options.fold.add(this.#sum, record);
  }

  #add(segment: Segment, outbox: string, { seq, time }: Numbered<object>, offset: number, length: number): Entry {
    const entry: Entry = { outbox, seq, time, segment, offset, length, attempts: 0 };
    segment.waiting.add(entry);
    this.#entries.set(`${outbox}/${seq}`, entry);
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
    this.#file = await RecordFile.begin(this.#path(file));
    const surplus = this.#options.isDurable ? [] : this.#giveUpSurplus();
    // First the record of what is given up, then its files: a crash between the two loses nothing from the books.
    await this.#saveState();
    for (const segment of surplus) await this.#remove(segment);
    await this.#removeConfirmed();
  }

  /** Gives up the oldest segments when there are too many bytes, and notes what is lost with them. */
  #giveUpSurplus(): Segment[] {
    let bytes = this.#bytes;
    const surplus: Segment[] = [];
    for (const oldest of this.#segments.slice(0, -1)) {
      if (bytes <= this.#options.maxBytes - SEGMENT_BYTES) break;
      bytes -= oldest.bytes;
      surplus.push(oldest);
      const lost = [...oldest.waiting];
      this.#givenUp += lost.length;
      for (const run of foldRanges(lost.map((entry) => entry.seq))) {
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
    if (this.#options.fold) Object.assign(this.#state, { sum: this.#sum, summedUpTo: this.#state.nextSeq - 1 });
    await replaceState(this.#options.folder, this.#state, this.#options.isDurable === true);
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
