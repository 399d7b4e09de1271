// (k) What alerting costs, and how soon it tells: 1,000 hosts at a sample a second, of which some breach and recover all the time.
import { Bus } from '@lapwing/bus';
import {
  alertConfigUpdate,
  defaultSystemSettings,
  dockerhostList,
  hostSampled,
  nodeList,
  settingsGet,
  webhookCreate,
  type Actor,
  type HostSample,
} from '@lapwing/contracts';
import { NatsServer, WebhookReceiver, createDatabase, eventually } from '@lapwing/testing';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { memoryOf, processorOf, waitOf } from './processes.js';
import { line, percentile, thousands } from './report.js';
import { wanderingSample } from './samples.js';

const HOSTS = 1000;
/** Of those: how many breach for two samples, and are fine for the next two. */
const RESTLESS = 20;
const WARM_UP_S = 15;

const FLOOD_HOSTS = 159;
const FLOOD_MOUNTS = 63;
/** `ALERTING_FLAGS` profiles: `--cpu-prof --cpu-prof-dir=…`. */
const { ALERTING_FLAGS = '', ALERTING_SECONDS = '60' } = process.env;
const SECONDS = Number(ALERTING_SECONDS);
const actor: Actor = { name: 'admin', userId: null, sessionHash: null, permissions: ['*'], address: '127.0.0.1' };

const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-bench-'));
const probe = path.join(folder, 'probe');
const nats = await NatsServer.start(undefined, ['max_payload: 4194304']);
const database = await createDatabase('plain');
const receiver = await WebhookReceiver.start();
const bus = new Bus({ service: 'test', servers: nats.url, streams: 'make' });
bus.onModuleInit();
await eventually(() => bus.online);
bus.respond(settingsGet, async () => defaultSystemSettings);
bus.respond(nodeList, async () => ({ nodes: [] }));
bus.respond(dockerhostList, async () => ({ hosts: [], next: null }));

const flags = [
  '--import',
  path.join(import.meta.dirname, 'loop-probe.js'),
  ...ALERTING_FLAGS.split(' ').filter(Boolean),
];
const alerting = spawn(process.execPath, [...flags, path.resolve('apps/alerting/dist/main.js')], {
  env: {
    ...process.env,
    NATS_URL: nats.url,
    DATABASE_URL: database.url,
    LAPWING_SECRET_KEY: 'ab'.repeat(32),
    ALERTING_PRIVATE_NETWORKS: '127.0.0.1/32',
    LOOP_PROBE_FILE: probe,
  },
  stdio: ['ignore', 'ignore', 'inherit'],
});
const pid = alerting.pid ?? 0;
await eventually(() => bus.request(alertConfigUpdate, { actor, patch: atOnce() }), 60_000);
await bus.request(webhookCreate, { actor, draft: { name: 'Receiver', url: `${receiver.url}/hook` } });
const client = new pg.Client({ connectionString: database.url });
await client.connect();
await eventually(async () => {
  const { rows } = await client.query<{ n: string }>('SELECT count(*) AS n FROM alerting.partition');
  return Number(rows[0]?.n) === 16;
}, 60_000);

interface Message {
  event: 'firing' | 'resolved';
  count: number;
  alerts: { resourceId: string }[];
}
/** When the sample was taken that each host breached or recovered with. */
const turnedAt = new Map<string, number>();
const delays: Record<Message['event'], number[]> = { firing: [], resolved: [] };
let messages: Message[] = [];
receiver.answer = ({ body }) => {
  const now = Date.now();
  const message = JSON.parse(body) as Message;
  messages.push(message);
  for (const { resourceId } of message.alerts)
    delays[message.event].push(now - (turnedAt.get(resourceId) ?? Number.NaN));
  return {};
};

await play(WARM_UP_S);
delays.firing = [];
delays.resolved = [];
const [usedBefore, waitedBefore] = [processorOf(pid), waitOf(pid)];
const from = performance.now();
await play(SECONDS);
const waited = ((waitOf(pid) - waitedBefore) / ((performance.now() - from) / 1000)) * 100;
const share = ((processorOf(pid) - usedBefore) / ((performance.now() - from) / 1000)) * 100;
line(
  `${HOSTS} hosts at 1 s for ${SECONDS} s: alerting`,
  `${share.toFixed(1)} % of a core, ${memoryOf(pid).toFixed(0)} MB`,
);
line('  meanwhile it was ready to run and waited for a core', `${waited.toFixed(1)} % of the time`);
line('  longest stops of its event loop, p50 and max of the seconds', stops(SECONDS));
await pause(2000);
for (const [event, all] of Object.entries(delays))
  line(
    `  sample taken to webhook received, ${event}, ${all.length} messages, p50, p99, most`,
    [0.5, 0.99, 1].map((at) => `${percentile(all, at).toFixed(0)} ms`).join(', '),
  );

const floodAt = await flood();
line(
  `${thousands(FLOOD_HOSTS * FLOOD_MOUNTS)} resources breach at once, one group, window 2 s: told after`,
  `${thousands(floodAt)} ms, in ${messages.length} message`,
);
await pause(12_000);
line('  longest stops of its event loop, p50 and max of the seconds', stops(15));
line('  memory afterwards', `${memoryOf(pid).toFixed(0)} MB`);
line(
  'load average of the machine over 1, 5 and 15 min',
  loadavg()
    .map((load) => load.toFixed(1))
    .join(', '),
);

alerting.kill('SIGTERM');
await once(alerting, 'exit');
await client.end();
receiver.stop();
await bus.onApplicationShutdown();
await nats.stop();
await database.drop();
await rm(folder, { recursive: true });
process.exit(0);

/** Rules without any delay: each alert is a message, at once. */
function atOnce() {
  return {
    timeThresholds: { host: 0, node: 0, guest: 0, storage: 0, pbs: 0 },
    aggregation: { enabled: false },
    schedule: { cooldown: 0, maxAlertsHour: 0 },
    flapping: { enabled: false },
  };
}

/** Plays all hosts for so many seconds, spread evenly over each. */
async function play(seconds: number): Promise<void> {
  const begunAt = performance.now();
  const steps = 100;
  for (let step = 0; step < seconds * steps; step++) {
    await pause(Math.max(0, begunAt + (step * 1000) / steps - performance.now()));
    const round = Math.floor(step / steps);
    for (let number = step % steps; number < HOSTS; number += steps)
      publish(`bench-${number}`, sampleOf(number, round));
  }
}

function sampleOf(number: number, round: number): HostSample {
  const sample = wanderingSample(round + 1, Date.now(), number);
  const breaches = number < RESTLESS && round % 4 >= 2;
  if (number < RESTLESS && round % 2 === 0) turnedAt.set(`bench-${number}`, sample.time);
  const system = { ...sample.system, hostname: `bench-${number}` };
  return { ...sample, system, cpu: { ...sample.cpu, totalUsage: breaches ? 90 : sample.cpu.totalUsage / 2 } };
}

function publish(agentId: string, sample: HostSample): void {
  void bus.publish(hostSampled, agentId, { agentId, outbox: '0a1b2c3d4e5f', samples: [sample] });
}

/** As many file systems become full at once. Returns after how many milliseconds somebody knew. */
async function flood(): Promise<number> {
  const patch = { aggregation: { enabled: true, windowSeconds: 2, byNode: false, byGuest: false } };
  await bus.request(alertConfigUpdate, { actor, patch });
  messages = [];
  const mounts = Array.from({ length: FLOOD_MOUNTS }, (_, at) => {
    return { device: `/dev/sd${at}`, mountpoint: `/data/${at}`, fstype: 'ext4', total: 100, used: 85, free: 15 };
  });
  const begunAt = performance.now();
  for (let number = 0; number < FLOOD_HOSTS; number++) {
    const sample = sampleOf(number + HOSTS, 0);
    publish(`flood-${number}`, { ...sample, disk: { ...sample.disk, mounts } });
  }
  await eventually(() => messages.length > 0);
  return performance.now() - begunAt;
}

/** How long its event loop stood still at most, in each of the last seconds. */
function stops(seconds: number): string {
  const all = readFileSync(probe, 'utf8').trim().split('\n').slice(-seconds).map(Number);
  return `${percentile(all, 0.5).toFixed(0)} ms, ${Math.max(...all).toFixed(0)} ms`;
}
