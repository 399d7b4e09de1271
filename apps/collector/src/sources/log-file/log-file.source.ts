import type { LogEntry } from '@lapwing/contracts';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { LogPiece, LogPositions, LogReader } from '../log-reader.js';
import type { FileLine } from './gate.js';
import type { Form } from './generation.js';
import { findPaths, matchesPath } from './glob.js';
import { CHUNK_BYTES } from './lines.js';
import type { LogFolders } from './log-folders.js';
import { currentNames, isCompressed } from './names.js';
import { PieceBuilder } from './piece.js';
import { Trail, type TrailOptions, type TrailPosition } from './trail.js';

/** How often it is looked for new files. */
const SCAN_MS = 5000;
const NOTE_MS = 600_000;
/** The clock by which file systems note when a file was made goes in steps, and is behind by one. */
const CLOCK_STEP_MS = 20;
/** Files that are followed at once: of one pattern, and altogether. Those that were written last come first. */
export const MAX_FILES_OF_PATTERN = 500;
const MAX_FILES = 1000;
/** When nobody has read for so long, what has come meanwhile is no matter of pace. */
const PAUSE_MS = 2000;
/** Bytes that one call reads at most, where lines are dropped: the others wait for it. */
const MAX_READ_BYTES = 2 ** 21;

/** Files to be read, and how. */
export interface FilePattern extends Form {
  /** An absolute path; see `matchesPath`. */
  pattern: string;
}

/** What a reader of files is told. */
export interface LogFileOptions {
  /** Begins the keys of its positions. */
  name: 'file' | 'service';
  patterns: FilePattern[];
  folders: LogFolders;
  linesPerSecond: number;
  /** A file that is there at first is read from its beginning where it has no more bytes than these, else from its end. */
  historyBytes: number;
  /** Whether a file that looks like the pattern is meant. */
  accepts?: (path: string) => boolean;
  /** Whose entries the lines of a file are. */
  about: (path: string) => Pick<LogEntry, 'source' | 'name'>;
  entryOf: (path: string, line: FileLine) => LogEntry;
  /** Milliseconds from any point on. */
  clock?: () => number;
}

interface Candidate {
  path: string;
  size: number;
  pattern: FilePattern;
  mtimeMs: number;
}

/** Reads files: those that are there, and those that come. */
export class LogFileSource implements LogReader {
  readonly #trails = new Map<string, Trail>();
  /** Patterns that were followed before: files that appear since are read from their beginning. */
  readonly #begun = new Set<string>();
  /** What was taken off the positions, or added, and not given yet. */
  #loose: LogPositions = {};
  #problems = new Map<string, string>();
  /** Files that were passed over because there are too many: they are not new when there is room. */
  #passedOver = new Set<string>();
  readonly #buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  readonly #clock: () => number;
  #turn = 0;
  /** When the last search for new files began: milliseconds since 1970. */
  #lookedAt = Date.now() - CLOCK_STEP_MS;
  /** When that was noted in the positions last: what is made while this does not run is told from what was there by it. */
  #notedAt = 0;
  #scannedAt = Number.NEGATIVE_INFINITY;
  #readAt: number | undefined;
  #scanning: Promise<void> = Promise.resolve();
  #isScanning = false;
  #isStopped = false;

  constructor(private readonly options: LogFileOptions) {
    this.#clock = options.clock ?? (() => performance.now());
  }

  async start(positions: LogPositions): Promise<void> {
    const { name, patterns } = this.options;
    for (const [key, position] of Object.entries(positions)) {
      if (key.startsWith(`${name}@`)) {
        const pattern = key.slice(name.length + 1);
        if (patterns.some((one) => one.pattern === pattern)) {
          this.#begun.add(pattern);
          if (typeof position === 'number') this.#lookedAt = Math.min(this.#lookedAt, position);
        } else this.#loose[key] = null;
      } else if (key.startsWith(`${name}:`)) await this.#goOn(key, position as TrailPosition);
    }
    await this.#scan();
  }

  async read(max: number): Promise<LogPiece | null> {
    const now = this.#clock();
    if (now - this.#scannedAt >= SCAN_MS && !this.#isScanning) this.#scanning = this.#scan();
    const isBack = this.#readAt !== undefined && now - this.#readAt > PAUSE_MS;
    this.#readAt = now;
    const piece = new PieceBuilder(max);
    for (const [key, position] of Object.entries(this.#loose)) piece.stand(key, position);
    this.#loose = {};
    const trails = [...this.#trails.values()];
    if (isBack) for (const trail of trails) trail.resume();
    await this.#readInTurns(trails, piece);
    this.#readAt = this.#clock();
    return piece.finish();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#scanning;
    for (const trail of this.#trails.values()) await trail.close();
    this.#trails.clear();
  }

  /** Resolves when the search for new files has ended that is under way. */
  scanned(): Promise<void> {
    return this.#scanning;
  }

  /** What cannot be read, and why; a line each. */
  problems(): string[] {
    const trails = [...this.#trails.values()].flatMap(({ path: file, problem }) =>
      problem ? [`${file}: ${problem}`] : [],
    );
    return [...[...this.#problems].map(([file, problem]) => `${file}: ${problem}`), ...trails];
  }

  /** A chunk of each, and again, until the piece is full or nobody has more. The next call goes on with the next file. */
  async #readInTurns(trails: Trail[], piece: PieceBuilder): Promise<void> {
    let idle = 0;
    for (let chunks = 0; chunks < Math.max(MAX_READ_BYTES / CHUNK_BYTES, trails.length); chunks++) {
      if (piece.isFull || idle >= trails.length) return;
      const trail = trails[this.#turn++ % trails.length];
      if (!trail) return;
      const hasMore = await trail.read(piece, this.#buffer);
      idle = hasMore ? 0 : idle + 1;
      if (trail.isOver) this.#trails.delete(trail.path);
    }
  }

  async #goOn(key: string, position: TrailPosition): Promise<void> {
    const file = key.slice(this.options.name.length + 1);
    const pattern = this.options.patterns.find((one) => matchesPath(one.pattern, file));
    if (!pattern) this.#loose[key] = null;
    else this.#trails.set(file, await Trail.goOn(this.#trailOptions(file, pattern), position));
  }

  #trailOptions(file: string, pattern: FilePattern): TrailOptions {
    const { name, folders, linesPerSecond, about, entryOf } = this.options;
    return {
      key: `${name}:${file}`,
      path: file,
      form: pattern,
      folders,
      kind: { linesPerSecond, about: about(file), entryOf: (line) => entryOf(file, line), clock: this.#clock },
    };
  }

  /** Looks for files that are not followed yet. */
  async #scan(): Promise<void> {
    this.#isScanning = true;
    const begun = Date.now();
    try {
      this.#problems = new Map();
      const candidates = await this.#candidates();
      const paths = new Set([...candidates.map((one) => one.path), ...this.#trails.keys()]);
      for (const candidate of candidates) {
        const { dir, base } = path.parse(candidate.path);
        const isFormer = currentNames(base).some((name) => paths.has(path.join(dir, name)));
        if (!isFormer && !this.#trails.has(candidate.path) && !this.#isStopped) await this.#begin(candidate);
      }
      for (const { pattern } of this.options.patterns) {
        if (this.#begun.has(pattern) && begun - this.#notedAt < NOTE_MS) continue;
        this.#begun.add(pattern);
        this.#loose[`${this.options.name}@${pattern}`] = begun;
      }
      if (begun - this.#notedAt >= NOTE_MS) this.#notedAt = begun;
    } finally {
      this.#isScanning = false;
      this.#lookedAt = begun - CLOCK_STEP_MS;
      this.#scannedAt = this.#clock();
    }
  }

  async #begin({ path: file, size, pattern }: Candidate): Promise<void> {
    const isNew = this.#begun.has(pattern.pattern) && !this.#passedOver.has(file);
    if (this.#trails.size >= MAX_FILES) {
      this.#passOver(file);
      return;
    }
    try {
      const all = isNew ? { since: this.#lookedAt } : { since: Number.POSITIVE_INFINITY };
      const where = isNew || size <= this.options.historyBytes ? all : 'end';
      const trail = await Trail.begin(this.#trailOptions(file, pattern), where);
      if (await this.#isKnown(trail)) await trail.close();
      else this.#trails.set(file, trail);
      this.#passedOver.delete(file);
    } catch (error) {
      if (!isNew) this.#passedOver.add(file);
      this.#problem(file, error instanceof Error ? error.message : String(error));
    }
  }

  /** Whether another trail has this file: it was renamed to a name that looks like the pattern, too, or has two. */
  async #isKnown(trail: Trail): Promise<boolean> {
    for (const other of this.#trails.values()) if (await other.sharesFileWith(trail)) return true;
    return false;
  }

  /** What the patterns mean, the file written last first; each once. */
  async #candidates(): Promise<Candidate[]> {
    const all = new Map<string, Candidate>();
    for (const pattern of this.options.patterns) {
      if (!(await this.options.folders.mayHold(pattern.pattern))) {
        this.#problem(pattern.pattern, 'not below COLLECTOR_LOG_FOLDERS');
        continue;
      }
      const { paths, isPartial } = await findPaths(pattern.pattern);
      if (isPartial) this.#problem(pattern.pattern, 'too many folders or names');
      const found: Candidate[] = [];
      for (const file of paths) {
        if (all.has(file) || isCompressed(file) || this.options.accepts?.(file) === false) continue;
        const there = await stat(file).catch(() => undefined);
        if (there?.isDirectory() === false)
          found.push({ path: file, size: there.size, pattern, mtimeMs: there.mtimeMs });
      }
      const newestFirst = found.toSorted((a, b) => b.mtimeMs - a.mtimeMs);
      for (const one of newestFirst.slice(0, MAX_FILES_OF_PATTERN)) all.set(one.path, one);
      for (const one of newestFirst.slice(MAX_FILES_OF_PATTERN)) this.#passOver(one.path);
    }
    return [...all.values()];
  }

  #passOver(file: string): void {
    this.#problem('files', 'there are too many, the older ones are passed over');
    if (this.#passedOver.size < 10 * MAX_FILES) this.#passedOver.add(file);
  }

  #problem(what: string, why: string): void {
    if (this.#problems.size < 20) this.#problems.set(what, why);
  }
}
