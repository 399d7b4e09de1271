import { eventually } from '@lapwing/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { Lapwing } from '../src/lapwing';

const TIMES = Number(process.env['LAPWING_TEST_TIMES'] ?? 1);
const HOSTS = 100;
const BETWEEN_MS = 3000;

interface Taken {
  agentId: string;
  taken: number;
}

/** The simulated hosts, supervised. */
class Hosts {
  printed = '';
  readonly #process: ChildProcess;

  constructor(lapwing: Lapwing) {
    this.#process = spawn(process.execPath, [path.join(__dirname, '../simulated-hosts.mjs')], {
      env: {
        ...process.env,
        LAPWING_URL: lapwing.url,
        LAPWING_TOKEN: lapwing.credentials.authorization.replace('Bearer ', ''),
        SIMULATED_HOSTS: String(HOSTS),
        SIMULATED_DATA_DIR: path.join(lapwing.folder, 'simulated'),
        LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process.stdout?.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
  }

  /** Takes no more samples, waits until each is confirmed, and says how many each host took. */
  async finish(): Promise<Taken[]> {
    this.#process.kill('SIGTERM');
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
    const lines = this.printed.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as Taken);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}

describe(`${HOSTS} hosts at one sample a second`, () => {
  let lapwing: Lapwing;
  let hosts: Hosts;
  let database: pg.Client;

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    await lapwing.start(['--services']);
    hosts = new Hosts(lapwing);
    await eventually(() => hosts.printed.includes('sampling'), 120_000);
  }, 180_000);
  afterAll(async () => {
    hosts.kill();
    await lapwing.remove();
  }, 60_000);

  const rounds = Array.from({ length: TIMES }, (_, index) => index + 1);
  const stored = async (): Promise<number> => {
    database = new pg.Client({ connectionString: await lapwing.databaseUrl() });
    database.on('error', () => {});
    await database.connect();
    try {
      const { rows } = await database.query<{ n: string }>('SELECT count(*) AS n FROM metrics.host_sample');
      return Number(rows[0]?.n);
    } finally {
      await database.end();
    }
  };
  /** What was killed is back when new samples arrive in the database again. */
  const recovered = async (): Promise<void> => {
    const before = await eventually(stored, 60_000);
    await eventually(async () => expect(await stored()).toBeGreaterThan(before + HOSTS), 60_000);
  };

  it.each(
    rounds.flatMap((round) =>
      (['metrics-store', 'nats', 'postgres', 'collector'] as const).map((what) => [what, round] as const),
    ),
  )(
    'goes on by itself after kill -9 of %s (%d)',
    async (what) => {
      if (what === 'collector') {
        const simulated = (await lapwing.processes()).find(({ args }) =>
          args.some((arg) => arg.endsWith('dist/fleet-simulator.js')),
        );
        process.kill(simulated?.pid ?? 0, 'SIGKILL');
      }
      process.kill((await lapwing.find(what)).pid, 'SIGKILL');
      await recovered();
      await pause(BETWEEN_MS); // load between two kills, so that each hits a system at work
    },
    150_000,
  );

  it('has every sample exactly once', async () => {
    const taken = await hosts.finish();
    expect(taken).toHaveLength(HOSTS);
    database = new pg.Client({ connectionString: await lapwing.databaseUrl() });
    await database.connect();
    const { rows } = await database.query<{
      agent_id: string;
      rows: string;
      seqs: string;
      least: string;
      greatest: string;
    }>(
      `SELECT agent_id, count(*) AS rows, count(DISTINCT seq) AS seqs, min(seq) AS least, max(seq) AS greatest
       FROM metrics.host_sample s JOIN metrics.resource r ON r.id = s.resource_id
       WHERE agent_id LIKE 'simulated-%' GROUP BY agent_id`,
    );
    const ledger = await database.query<{ agent_id: string; stored: string; lost: string }>(
      `SELECT agent_id, sum(stored) AS stored, sum(lost) AS lost FROM metrics.ledger_hour l JOIN metrics.resource r ON r.id = l.resource_id
       WHERE agent_id LIKE 'simulated-%' GROUP BY agent_id`,
    );
    await database.end();
    const total = taken.reduce((sum, host) => sum + host.taken, 0);
    process.stdout.write(`\n${total} samples of ${HOSTS} hosts, ${TIMES * 4} kills\n`);
    for (const { agentId, taken: count } of taken) {
      const row = rows.find(({ agent_id: id }) => id === agentId);
      expect([agentId, Number(row?.rows), Number(row?.seqs), Number(row?.least), Number(row?.greatest)]).toEqual([
        agentId,
        count,
        count,
        1,
        count,
      ]);
      const book = ledger.rows.find(({ agent_id: id }) => id === agentId);
      expect([agentId, Number(book?.stored), Number(book?.lost)]).toEqual([agentId, count, 0]);
    }
  }, 180_000);
});
