import type { LogEntry, LogSource } from '@lapwing/contracts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileLogs } from '../src/sources/log-file/file-logs';
import type { LogFileSource } from '../src/sources/log-file/log-file.source';
import type { LogPositions } from '../src/sources/log-reader';
import { Host } from '../src/store/host';

type FileLogSource = Extract<LogSource, { kind: 'file' }>;

/** A folder with logs, and a reader of them whose clock stands still unless it is moved, and whose positions are kept as the outbox keeps them. */
export class LogFolder {
  readonly taken: LogEntry[] = [];
  positions: LogPositions = {};
  now = 0;
  linesPerSecond = 1_000_000;
  source: LogFileSource | undefined;

  private constructor(readonly folder: string) {}

  static async make(): Promise<LogFolder> {
    return new LogFolder(await mkdtemp(path.join(tmpdir(), 'lapwing-logs-')));
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  /** Begins to read `*.log`, or as is said. */
  async start(more: Partial<FileLogSource> = {}): Promise<LogFileSource> {
    const options = {
      host: new Host(),
      folders: [this.folder],
      linesPerSecond: this.linesPerSecond,
      clock: () => this.now,
    };
    this.source = fileLogs([{ kind: 'file', path: this.path('*.log'), ...more }], options);
    await this.source.start(JSON.parse(JSON.stringify(this.positions)) as LogPositions);
    return this.source;
  }

  /** Ends as a kill does: what was not taken is forgotten. */
  async kill(): Promise<void> {
    await this.source?.stop();
    this.source = undefined;
  }

  /** Reads once, and takes it down. */
  async read(max = 1000): Promise<number> {
    const piece = await this.source?.read(max);
    if (!piece) return 0;
    this.taken.push(...piece.entries);
    for (const [key, position] of Object.entries(piece.positions))
      if (position === null) delete this.positions[key];
      else this.positions[key] = position;
    return piece.entries.length;
  }

  /** Reads and takes down until nothing more comes. */
  async drain(): Promise<void> {
    while ((await this.read()) > 0);
    await this.read();
  }

  /** So much time goes by, and everything is read. */
  async later(ms: number): Promise<void> {
    this.now += ms;
    await this.drain();
    await this.drain();
  }

  /** Looks for new files, and reads. */
  async rescan(): Promise<void> {
    this.now += 5000;
    await this.read();
    await this.source?.scanned();
    await this.drain();
  }

  messages(): string[] {
    return this.taken.map((entry) => entry.message);
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true });
  }
}
