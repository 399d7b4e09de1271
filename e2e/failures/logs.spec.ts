import { eventually } from '@lapwing/testing';
import { open, mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import pg from 'pg';
import { Lapwing } from '../src/lapwing';

const FILES = ['api', 'worker'];
const LINES = 500_000;
/** A file is rotated, by renaming it, after so many lines. */
const PER_FILE = 130_000;
const AT_ONCE = 500;
const AGENT = 'logs-host';
const KILLS = 2;

/** A program that logs and rotates its own file, as fast as the disk takes it. */
class Writer {
  written = 0;
  #rotations = 0;

  constructor(
    private readonly folder: string,
    private readonly name: string,
  ) {}

  async run(): Promise<void> {
    const file = path.join(this.folder, `${this.name}.log`);
    while (this.written < LINES) {
      const handle = await open(file, 'a');
      const upTo = Math.min(this.written + PER_FILE, LINES);
      while (this.written < upTo) {
        const count = Math.min(AT_ONCE, upTo - this.written);
        const lines = Array.from({ length: count }, (_, index) => this.#line(this.written + index + 1));
        await handle.write(lines.join(''));
        this.written += count;
        await breathe();
      }
      await handle.close();
      if (this.written < LINES) await rename(file, `${file}.${++this.#rotations}`);
    }
  }

  #line(number: number): string {
    return `[info] ${this.name} handled request ${number} of user ${number % 977} in ${number % 83} ms\n`;
  }
}

interface Found {
  file: string;
  lines: string;
  different: string;
  least: number;
  greatest: number;
  /** Lines that do not follow the one before by one. */
  jumps: string;
}

describe(`${FILES.length * LINES} lines in ${FILES.length} files that are rotated`, () => {
  let lapwing: Lapwing;
  let database: pg.Client;
  let folder: string;

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    folder = path.join(lapwing.folder, 'app-logs');
    await mkdir(folder);
    const environment = {
      COLLECTOR_AGENT_ID: AGENT,
      COLLECTOR_LOG_FOLDERS: folder,
      // Nothing may be dropped here, however fast it is written.
      COLLECTOR_LOG_LINES_PER_SECOND: '1000000',
    };
    await lapwing.start(['--services'], environment);
    const logSources = [{ kind: 'file', path: path.join(folder, '*.log') }];
    await eventually(async () => {
      const answer = await lapwing.ask('PATCH', `/api/v1/agents/${AGENT}/settings`, lapwing.credentials, {
        logSources,
      });
      expect(answer.status).toBe(200);
      const { body } = await lapwing.get<{ running?: { logSources?: unknown[] } }>(`/api/v1/agents/${AGENT}`);
      expect(body.running?.logSources).toEqual(logSources);
    }, 60_000);
    database = new pg.Client({ connectionString: await lapwing.databaseUrl() });
    await database.connect();
  }, 240_000);
  afterAll(async () => {
    await database?.end();
    await lapwing.remove();
  }, 60_000);

  const stored = async (): Promise<number> => {
    const { rows } = await database.query<{ lines: string }>(
      `SELECT coalesce(sum(v.lines), 0) AS lines FROM logs.volume v JOIN logs.stream s ON s.id = v.stream_id WHERE s.source = 'file'`,
    );
    return Number(rows[0]?.lines);
  };

  it(`has each once and in order, though the collector was killed ${KILLS} times`, async () => {
    const writing = Promise.all(FILES.map((name) => new Writer(folder, name).run()));
    const total = FILES.length * LINES;
    for (let kill = 1; kill <= KILLS; kill++) {
      const mark = (total * kill) / (KILLS + 2);
      await eventually(async () => expect(await stored()).toBeGreaterThan(mark), 240_000);
      process.kill((await lapwing.find('collector')).pid, 'SIGKILL');
    }
    await writing;
    await eventually(async () => expect(await stored()).toBe(total), 300_000);
    const { rows } = await database.query<Found>(
      `WITH numbered AS (
         SELECT s.name, substring(e.message FROM 'request (\\d+) of')::int AS number,
           lag(substring(e.message FROM 'request (\\d+) of')::int) OVER (PARTITION BY e.stream_id ORDER BY e.seq, e.line) AS before
         FROM logs.entry e JOIN logs.stream s ON s.id = e.stream_id WHERE s.source = 'file')
       SELECT name AS file, count(*) AS lines, count(DISTINCT number) AS different, min(number) AS least, max(number) AS greatest,
         count(*) FILTER (WHERE number <> before + 1) AS jumps
       FROM numbered GROUP BY name ORDER BY name`,
    );
    expect(rows).toEqual(
      FILES.map((name) => ({
        file: path.join(folder, `${name}.log`),
        lines: String(LINES),
        different: String(LINES),
        least: 1,
        greatest: LINES,
        jumps: '0',
      })),
    );
  }, 600_000);
});
