import { AlertingModule } from '@lapwing/alerting/alerting.module';
import { loadConfig as loadAlerting } from '@lapwing/alerting/config';
import { ConfigService } from '@lapwing/alerting/services/config.service';
import { limitsOfAll } from '@lapwing/alerting/domain/replay-limits';
import { Bus } from '@lapwing/bus';
import { alertReplay, excursionsGet, replayMetrics, type OutputOf } from '@lapwing/contracts';
import { loadConfig as loadStore } from '@lapwing/metrics-store/config';
import { MetricsStoreModule } from '@lapwing/metrics-store/metrics-store.module';
import { Migrations } from '@lapwing/postgres';
import { NatsServer, eventually } from '@lapwing/testing';
import { NestFactory } from '@nestjs/core';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { loadavg } from 'node:os';
import pg from 'pg';
import { processorOf, waitOf } from './processes.js';
import { line, median, thousands } from './report.js';

const DAY_MS = 86_400_000;
const RUNS = 5;

/** What metrics-store reads for the whole question, page by page. */
async function readRows(bus: Bus, question: { from: number; to: number }, config: ConfigService) {
  const asked = { ...question, ...limitsOfAll(config.current, replayMetrics, null), agentIds: null };
  const sum = { rows: 0, pages: 0 };
  for (let after: OutputOf<typeof excursionsGet>['next'] = null; ;) {
    const page: OutputOf<typeof excursionsGet> = await bus.request(excursionsGet, { ...asked, after });
    sum.rows += page.read;
    sum.pages++;
    if (!page.next) return sum;
    after = page.next;
  }
}

/** Seconds of processor, and of waiting for one, of this process and of its connections' servers. */
async function usage(client: pg.Client): Promise<{ own: number; database: number; waited: number }> {
  const { rows } = await client.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE application_name IN ('lapwing-metrics-store', 'lapwing-alerting')`,
  );
  const servers = rows.map(({ pid }) => pid);
  const sum = (of: (pid: number) => number, pids: number[]) => pids.reduce((total, pid) => total + of(pid), 0);
  return {
    own: processorOf(process.pid),
    database: sum(processorOf, servers),
    waited: sum(waitOf, [process.pid, ...servers]),
  };
}

/** Replays 1, 7 and `days` days of a filled database by the rules of a new installation, and some others. */
export async function measureReplay(url: string, days: number): Promise<void> {
  const nats = await NatsServer.start();
  const environment = { NATS_URL: nats.url, DATABASE_URL: url, LAPWING_SECRET_KEY: 'ab'.repeat(32) };
  const options = { logger: false } as const;
  const store = await NestFactory.createApplicationContext(
    MetricsStoreModule.register(loadStore(environment)),
    options,
  );
  const alerting = await NestFactory.createApplicationContext(
    AlertingModule.register(loadAlerting(environment)),
    options,
  );
  const bus = new Bus({ service: 'bench', servers: nats.url });
  bus.onModuleInit();
  await eventually(() => store.get(Migrations).ready && alerting.get(Migrations).ready && bus.online, 60_000);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const to = Date.now();
  const stops = monitorEventLoopDelay({ resolution: 1 });
  const replay = async (what: string, from: number, patch: Record<string, unknown> = {}): Promise<void> => {
    const times = [];
    let answer = await bus.request(alertReplay, { from, to, patch });
    const before = await usage(client);
    stops.reset();
    stops.enable();
    for (let run = 0; run < RUNS; run++) {
      const begun = performance.now();
      answer = await bus.request(alertReplay, { from, to, patch });
      times.push(performance.now() - begun);
    }
    stops.disable();
    const after = await usage(client);
    const each = (part: keyof typeof before): string => ((after[part] - before[part]) / RUNS).toFixed(2);
    const { total, messages, recoveryMessages, judged, hosts } = answer;
    line(
      `${what}, ${hosts} hosts, 4 figures`,
      `${(median(times) / 1000).toFixed(2)} s (${(Math.min(...times) / 1000).toFixed(2)} to ${(Math.max(...times) / 1000).toFixed(2)} s)`,
    );
    line(
      '  alerts, messages (of recovery)',
      `${thousands(total)}, ${thousands(messages)} (${thousands(recoveryMessages)})`,
    );
    line('  minutes judged one by one', thousands(judged));
    line(
      '  seconds of processor: services, PostgreSQL; of waiting for one',
      `${each('own')}, ${each('database')}; ${each('waited')}`,
    );
    line('  longest stop of the event loop', `${(stops.max / 1e6).toFixed(0)} ms`);
  };
  await replay('1 day', to - DAY_MS);
  await replay('7 days', to - 7 * DAY_MS);
  await replay(`${days} days`, to - days * DAY_MS);
  await replay(`${days} days, nothing in breach`, to - days * DAY_MS, {
    hostDefaults: { cpu: 99, memory: 99, disk: 99, temperature: 99 },
  });
  const { rows, pages } = await readRows(bus, { from: to - days * DAY_MS, to }, alerting.get(ConfigService));
  line(`rows of roll-ups that are read for ${days} days, in pages`, `${thousands(rows)}, ${pages}`);
  line(
    'load average of the machine over 1, 5 and 15 min',
    loadavg()
      .map((load) => load.toFixed(1))
      .join(', '),
  );
  await client.end();
  await bus.onApplicationShutdown();
  await alerting.close();
  await store.close();
  await nats.stop();
}
