import { closeSync, copyFileSync, existsSync, openSync, renameSync, truncateSync, writeSync } from 'node:fs';
import { LogFolder } from './log-file-harness';

/** A generator of numbers that gives the same ones for the same seed (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A program that writes a log, and what turns it over. */
class Writer {
  readonly written: string[] = [];
  /** How many lines there were when it was emptied last. */
  emptiedAt = 0;
  #file: number;
  #torn = '';

  constructor(private readonly path: string) {
    this.#file = openSync(path, 'a');
  }

  write(count: number): void {
    this.#finish();
    let text = '';
    for (let index = 0; index < count; index++) {
      const line = `line ${this.written.length} ${'x'.repeat((this.written.length * 7919) % 90)}`;
      this.written.push(line);
      text += `${line}\n`;
    }
    writeSync(this.#file, text);
  }

  /** Writes the beginning of a line. */
  tear(): void {
    this.#finish();
    const line = `line ${this.written.length} in two parts, ü and so on`;
    this.written.push(line);
    const bytes = Buffer.from(`${line}\n`);
    writeSync(this.#file, bytes.subarray(0, 21));
    this.#torn = bytes.subarray(21).toString('latin1');
  }

  rename(): void {
    this.#finish();
    this.#shift();
    renameSync(this.path, `${this.path}.1`);
  }

  /** The writer goes on with a new file, some time after the old one was renamed. */
  reopen(): void {
    this.#finish();
    closeSync(this.#file);
    this.#file = openSync(this.path, 'a');
  }

  copyAndTruncate(): void {
    this.#finish();
    this.#shift();
    copyFileSync(this.path, `${this.path}.1`);
    truncateSync(this.path, 0);
    this.emptiedAt = this.written.length;
  }

  close(): void {
    this.#finish();
    closeSync(this.#file);
  }

  #finish(): void {
    if (this.#torn !== '') writeSync(this.#file, Buffer.from(this.#torn, 'latin1'));
    this.#torn = '';
  }

  #shift(): void {
    let last = 1;
    while (existsSync(`${this.path}.${last}`)) last++;
    for (; last > 1; last--) renameSync(`${this.path}.${last - 1}`, `${this.path}.${last}`);
  }
}

describe('files under a writer, turned over, with kills in between', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => [seed, seed % 2 === 0 ? 'renamed' : 'emptied']))(
    'are read exactly once and in order (seed %i, %s)',
    async (seed, way) => {
      const next = numbers(seed);
      const logs = await LogFolder.make();
      try {
        const writer = new Writer(logs.path('app.log'));
        await logs.start();
        await logs.read();
        for (let step = 0; step < 120; step++) {
          const what = next(10);
          if (what < 4) writer.write(1 + next(60));
          else if (what === 4) writer.tear();
          else if (what === 5) await turnOver(writer, logs, way, next);
          else if (what === 6) {
            // What is read here and not taken down is read again.
            await logs.read(10);
            await logs.source?.read(20);
            await logs.kill();
            if (next(2) === 0) await turnOver(writer, logs, way, next);
            await logs.start();
          } else await logs.read(5 + next(100));
          logs.now += next(400);
        }
        writer.close();
        await logs.later(200);
        expect(logs.messages()).toEqual(writer.written);
      } finally {
        await logs.remove();
      }
    },
  );

  async function turnOver(
    writer: Writer,
    logs: LogFolder,
    way: string,
    next: (below: number) => number,
  ): Promise<void> {
    if (way === 'renamed') {
      writer.rename();
      writer.write(next(5));
      if (next(3) === 0) await logs.read();
      writer.write(next(5));
      writer.reopen();
      return;
    }
    if (logs.source) await logs.read(5 + next(30));
    // A file of which nothing was read yet when it is emptied cannot be told from one that was never written.
    if (logs.taken.length <= writer.emptiedAt) return;
    writer.copyAndTruncate();
    writer.write(1 + next(5));
  }
});
