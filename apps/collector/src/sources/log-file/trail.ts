import { stat } from 'node:fs/promises';
import { Gate, type FileKind } from './gate.js';
import { Generation, type Form, type Place } from './generation.js';
import type { LogFolders } from './log-folders.js';
import type { PieceBuilder } from './piece.js';
import { bornAfter, laterOnes, predecessorsOf, type Predecessor } from './predecessors.js';

/** A line that does not end is given after so long without more of it, and an entry of several lines that may go on after so long. */
const TORN_MS = 5000;
const OPEN_MS = 1000;
/** A file that has no name any more, or another, is let go after so long without a new line: its writer may hold it still. */
const LET_GO_MS = 3_600_000;
/** A file without a new line for so long is looked at less often. */
const IDLE_MS = 30_000;
const IDLE_EVERY_MS = 600;
/** After so long it is tried again to open what could not be opened. */
const AGAIN_MS = 5000;
/** A path under which nothing is found is forgotten after so long: its file system may come back. */
const FORGET_MS = 86_400_000;
/** Former files that are remembered, so that they are not taken for new ones. */
const MAX_PAST = 16;

/** Where the reading of a trail stands, as it is taken down. */
export interface TrailPosition {
  /** Oldest first; mostly one. */
  files: Place[];
  past: Place[];
  /** When the newest was written last: milliseconds since 1970. */
  written: number;
  /** Lines dropped that were not spoken of yet. */
  dropped: number;
}

/** What a trail is about. */
export interface TrailOptions {
  /** Of its positions. */
  key: string;
  path: string;
  form: Form;
  folders: LogFolders;
  kind: FileKind;
}

/**
 * What is written under one path, whatever files are there one after the other: when one is renamed away or emptied, it is read to its end and the next one
 * follows. Lines come in the order in which one writer wrote them: how long a newer file is, is looked at before the end of an older one is.
 */
export class Trail {
  readonly #files: Generation[] = [];
  readonly #gate: Gate;
  #past: TrailPosition['past'] = [];
  /** When the newest file was written last, where it is not there any more. */
  #written = 0;
  /** When it was looked at last what has come; undefined when nobody could look for a while. */
  #lookedAt: number | undefined;
  /** Since when there is nothing at the path. */
  #goneAt: number | undefined;
  #againAt = Number.NEGATIVE_INFINITY;
  /** Why the file cannot be read that is there now. */
  problem: string | undefined;

  private constructor(
    private readonly options: TrailOptions,
    dropped = 0,
  ) {
    this.#gate = new Gate(options.kind, dropped);
    this.#gate.isDirty = true;
  }

  /**
   * Begins with a file that was found: at its end, or with all that was written at its path since an instant (milliseconds since 1970), also into files
   * that were renamed away before anybody saw them. @throws NotAllowed, or an error of the system.
   */
  static async begin(options: TrailOptions, where: 'end' | { since: number }): Promise<Trail> {
    const trail = new Trail(options);
    const file = await trail.#open(options.path);
    if (where !== 'end')
      for (const one of bornAfter(await predecessorsOf(options.path), where.since))
        if (one.id !== file.id) await trail.#add(one.file, file);
    trail.#files.push(file);
    if (where !== 'end') return trail;
    try {
      await file.goToEnd();
      return trail;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Goes on where an earlier run stood; files may have been renamed, emptied or removed since. */
  static async goOn(options: TrailOptions, { files, past, written, dropped }: TrailPosition): Promise<Trail> {
    const trail = new Trail(options, dropped);
    trail.#past = past;
    trail.#written = written;
    const former = await predecessorsOf(options.path);
    for (const place of files) {
      const file = (await trail.#reopen(place, former)) ?? (await trail.#copyOf(place, former));
      if (file) trail.#files.push(file);
      else trail.#remember(place);
    }
    return trail;
  }

  get path(): string {
    return this.options.path;
  }

  /** Whether all of it was read and nothing is there any more. */
  get isOver(): boolean {
    if (this.#files.length > 0 || this.#goneAt === undefined) return false;
    return this.options.kind.clock() - this.#goneAt >= FORGET_MS;
  }

  /** Whether a file of the other is one of these, or was. */
  async sharesFileWith(other: Trail): Promise<boolean> {
    for (const file of other.#files) if (await this.#knows(file)) return true;
    return false;
  }

  async #knows(file: Generation): Promise<boolean> {
    if (this.#files.some(({ id }) => id === file.id)) return true;
    for (const { id, print } of this.#past) if (id === file.id && (await file.isLike(print))) return true;
    return false;
  }

  /** Nobody could look for a while: what comes next was there before. */
  resume(): void {
    this.#lookedAt = undefined;
  }

  /** Reads a little into a piece. True when there is more right away. */
  async read(piece: PieceBuilder, buffer: Buffer): Promise<boolean> {
    const now = this.options.kind.clock();
    this.#gate.fill(piece);
    let file = await this.#next(buffer);
    if (!file && this.#isDue(now)) {
      await this.#look(now);
      file = await this.#next(buffer);
    }
    if (file) await this.#readFrom(file, buffer);
    else await this.#settle(now, buffer);
    this.#gate.tellDropped();
    if (this.#gate.isDirty || this.isOver) piece.stand(this.options.key, this.isOver ? null : this.#position());
    this.#gate.isDirty = false;
    return file !== undefined;
  }

  async close(): Promise<void> {
    for (const file of this.#files.splice(0)) await file.close();
  }

  #position(): TrailPosition {
    const files = this.#files.map((file) => file.place);
    const written = this.#files.at(-1)?.mtimeMs ?? this.#written;
    return { files, past: this.#past, written, dropped: this.#gate.dropped };
  }

  /** The oldest file that has something to read. What an older one holds back waits no longer when a newer one has lines. */
  async #next(buffer: Buffer): Promise<Generation | undefined> {
    const index = this.#files.findIndex((file) => file.hasUnread);
    for (const older of this.#files.slice(0, Math.max(index, 0))) await this.#giveHeldBack(older, buffer);
    return this.#files[index];
  }

  async #readFrom(file: Generation, buffer: Buffer): Promise<void> {
    const chunk = await file.readInto(buffer);
    // It may have been emptied and filled again since the last look.
    if (!(await file.isIntact())) return this.#startOver(file, this.options.kind.clock());
    const { at } = file.reader;
    file.reader.feed(chunk, this.#gate.from(file));
    if (file.reader.at !== at) this.#gate.isDirty = true;
    else if (this.#gate.hasRoom()) file.isTorn = true;
  }

  async #giveHeldBack(file: Generation, buffer: Buffer): Promise<void> {
    this.#gate.from(file);
    if (file.isHoldingLine) {
      const rest = await file.readInto(buffer);
      if (!(await file.isIntact())) return this.#startOver(file, this.options.kind.clock());
      file.reader.flush(rest, this.#gate);
      file.isTorn = file.reader.at < file.end;
      this.#gate.isDirty = true;
    }
    this.#gate.giveOpen();
  }

  /** Gives what has waited long enough for what belongs to it, and lets go what is over. */
  async #settle(now: number, buffer: Buffer): Promise<void> {
    const over: Generation[] = [];
    for (const file of this.#files) {
      if (!this.#gate.hasRoom()) break;
      const quiet = now - file.grewAt;
      if (quiet >= (file.isHoldingLine ? TORN_MS : OPEN_MS)) await this.#giveHeldBack(file, buffer);
      const isFormer = this.#goneAt !== undefined || file !== this.#files.at(-1);
      if (isFormer && quiet >= LET_GO_MS) over.push(file);
    }
    for (const file of over) await this.#letGo(file);
  }

  async #letGo(file: Generation): Promise<void> {
    this.#written = Math.max(this.#written, file.mtimeMs);
    this.#files.splice(this.#files.indexOf(file), 1);
    this.#remember(file.place);
    await file.close();
  }

  #remember(place: Place): void {
    this.#past = [...this.#past.filter(({ id }) => id !== place.id), place].slice(-MAX_PAST);
    this.#gate.isDirty = true;
  }

  #isDue(now: number): boolean {
    if (this.#lookedAt === undefined || now - this.#lookedAt >= IDLE_EVERY_MS) return true;
    return this.#files.some((file) => now - file.grewAt < IDLE_MS);
  }

  /** A lap begins: it ends where the files end now, and as many lines of it may pass as the time since the last look allows. */
  async #look(now: number): Promise<void> {
    await this.#follow(now);
    for (const file of this.#files.toReversed()) if (await file.look(now)) await this.#startOver(file, now);
    this.#gate.isFree = this.#lookedAt === undefined;
    this.#gate.refill(now - (this.#lookedAt ?? now));
    this.#lookedAt = now;
  }

  /** Sees whether another file has taken the place of the newest, and whether others were there in between. */
  async #follow(now: number): Promise<void> {
    const there = await stat(this.path, { bigint: true }).catch(() => undefined);
    const newest = this.#files.at(-1);
    this.#goneAt = there ? undefined : (this.#goneAt ?? now);
    if (!there || String(there.ino) === newest?.id || now < this.#againAt) return;
    const former = await predecessorsOf(this.path);
    const known = former.find(({ id }) => id === newest?.id);
    for (const one of laterOnes(former, known, (await newest?.lastWrite()) ?? this.#written))
      // What came after one that was renamed is no copy of it, however alike they begin.
      if (one.id !== String(there.ino)) await this.#add(one.file, known ? undefined : newest);
    try {
      const file = await this.#open(this.path);
      // Another one again: the next look finds both.
      if (file.id === String(there.ino)) {
        // It may be one that was away for a while.
        const before = this.#past.find(({ id }) => id === file.id);
        if (before) await file.goOn(before);
        this.#files.push(file);
      } else await file.close();
      this.problem = undefined;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.#againAt = now + AGAIN_MS;
    }
    this.#gate.isDirty = true;
  }

  /** Reads a file, too, that was at the path for a while when nobody looked; not one that is known, or a copy of one. */
  async #add(path: string, newest: Generation | undefined): Promise<void> {
    const file = await this.#open(path).catch(() => undefined);
    if (!file) return;
    const isCopy = newest !== undefined && (await file.isLike(newest.print));
    if (!isCopy && !(await this.#knows(file))) {
      this.#files.push(file);
      return;
    }
    await file.close();
  }

  /** What was read of this file is gone. Where a copy was made before, the rest is read there. */
  async #startOver(file: Generation, now: number): Promise<void> {
    this.#gate.from(file).giveOpen();
    const copy = await this.#copyOf(file.place, await predecessorsOf(this.path));
    if (copy) {
      this.#files.splice(this.#files.indexOf(file), 0, copy);
      await copy.look(now);
    } else file.reader.flush(Buffer.alloc(0), this.#gate);
    file.startOver(now);
    await file.look(now);
    this.#gate.isDirty = true;
  }

  /** The file that was read before, wherever it is now. */
  async #reopen(place: Place, former: Predecessor[]): Promise<Generation | undefined> {
    const others = former.filter(({ id }) => id === place.id).map(({ file }) => file);
    return this.#firstThatGoesOn(place, [this.path, ...others], ({ id }) => id === place.id);
  }

  /** A file with the same content, and more of it: programs that empty a file copy it before. It is not older than what was read. */
  async #copyOf(place: Place, former: Predecessor[]): Promise<Generation | undefined> {
    if (place.print[0] === 0) return undefined;
    const written = this.#files.at(-1)?.mtimeMs ?? this.#written;
    const recent = former.filter(({ id, mtimeMs }) => id !== place.id && mtimeMs >= written).map(({ file }) => file);
    return this.#firstThatGoesOn(place, recent, ({ id }) => this.#files.every((file) => file.id !== id));
  }

  async #firstThatGoesOn(
    place: Place,
    paths: string[],
    fits: (file: Generation) => boolean,
  ): Promise<Generation | undefined> {
    for (const path of paths) {
      const file = await this.#open(path).catch(() => undefined);
      if (!file) continue;
      if (fits(file) && (await file.goOn(place).catch(() => false))) return file;
      await file.close();
    }
    return undefined;
  }

  async #open(path: string): Promise<Generation> {
    const { folders, form, kind } = this.options;
    return Generation.of(await folders.open(path), form, kind.clock());
  }
}
