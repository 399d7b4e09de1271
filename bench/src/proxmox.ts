// (i) What Proxmox costs: 50 nodes with 2,000 guests polled every 10 s by one poller, the state read over HTTP, and 200 WebSocket clients.
import { ProxmoxServer } from '@lapwing/testing';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { line, median, thousands } from './report.js';

const {
  LAPWING_URL = '',
  LAPWING_TOKEN = '',
  PROXMOX_NODES = '50',
  PROXMOX_GUESTS = '2000',
  PROXMOX_SECONDS = '120',
  PROXMOX_CLIENTS = '200',
  SERVICE_PIDS = '{}',
} = process.env;
const TICKS_A_SECOND = 100;
const INTERVAL = 10;
const READS = 200;
const STREAMS_OF_TOKEN = 100;
const pids = JSON.parse(SERVICE_PIDS) as Record<string, number>;
const headers = { authorization: `Bearer ${LAPWING_TOKEN}`, 'content-type': 'application/json' };
const keepAlive = new Agent({ keepAlive: true, maxSockets: 1 });

/** Seconds of processor that a process has used so far. */
function used(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** Memory of a process, MB: now, or the most that it ever had. */
const memory = (pid: number, of: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`${of}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000;

async function ask<T>(route: string, body?: unknown): Promise<T> {
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
  const answer = await fetch(`${LAPWING_URL}${route}`, init);
  if (!answer.ok) throw new Error(`${route}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** What reading the state takes, in milliseconds, and how many bytes come. */
async function readState(): Promise<{ ms: number; bytes: number }> {
  const startedAt = performance.now();
  const call = request(`${LAPWING_URL}/api/state`, {
    agent: keepAlive,
    headers: { ...headers, 'accept-encoding': 'gzip' },
  }).end();
  const [response] = (await once(call, 'response')) as [AsyncIterable<Buffer>];
  let bytes = 0;
  for await (const chunk of response) bytes += chunk.length;
  return { ms: performance.now() - startedAt, bytes };
}

/** What each process uses while something runs, percent of a core. */
async function share(work: () => Promise<void>): Promise<Record<string, number>> {
  const before = Object.entries(pids).map(([name, pid]) => [name, used(pid)] as const);
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  return Object.fromEntries(before.map(([name, was]) => [name, ((used(pids[name] ?? 0) - was) / seconds) * 100]));
}

const percentile = (values: number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(Math.floor(values.length * part), values.length - 1)] ?? 0;

const server = await ProxmoxServer.start({
  kind: 'pve',
  nodes: Number(PROXMOX_NODES),
  guests: Number(PROXMOX_GUESTS),
  clusterName: 'bench',
});
await ask('/api/system/settings/update', { pollingInterval: INTERVAL });
await ask('/api/config/nodes', {
  type: 'pve',
  name: 'bench',
  host: server.url,
  fingerprint: server.fingerprint,
  tokenName: 'pulse-monitor@pam!lapwing',
  tokenValue: 'token-secret',
});
const addedAt = performance.now();
for (let count = 0; count < Number(PROXMOX_GUESTS); await pause(250)) {
  const { vms, containers } = await ask<{ vms: unknown[]; containers: unknown[] }>('/api/state');
  count = vms.length + containers.length;
  if (performance.now() - addedAt > 60_000) throw new Error(`only ${count} guests after a minute`);
}
line(
  `${PROXMOX_GUESTS} guests of ${PROXMOX_NODES} nodes in the state after they were added`,
  `${thousands(performance.now() - addedAt)} ms`,
);

// The first round over all guests runs meanwhile: the worst that a poller does.
const firstRound = await share(() => pause(60_000));
line(
  'poller, first minute (every guest is looked into)',
  `${firstRound['poller']?.toFixed(1)} % of a core, ${Math.round(memory(pids['poller'] ?? 0, 'VmRSS'))} MB`,
);

const fast = ['GET /cluster/resources', 'GET /nodes/{n}/status'];
const counts = (): number[] => fast.map((route) => server.requests.get(route) ?? 0);
const countsBefore = counts();
const steady = await share(() => pause(Number(PROXMOX_SECONDS) * 1000));
const [cycles = 0, statuses = 0] = counts().map((count, index) => count - (countsBefore[index] ?? 0));
for (const name of ['poller', 'metrics-store', 'fleet', 'gateway'])
  line(
    `${name}, steady over ${PROXMOX_SECONDS} s`,
    `${steady[name]?.toFixed(1)} % of a core, ${Math.round(memory(pids[name] ?? 0, 'VmRSS'))} MB, most ${Math.round(memory(pids[name] ?? 0, 'VmHWM'))} MB`,
  );
line(
  'requests a node and cycle on the fast path',
  ((cycles + statuses) / Math.max(cycles, 1) / Number(PROXMOX_NODES)).toFixed(2),
);

const reads: { ms: number; bytes: number }[] = [];
for (let count = 0; count < READS; count++) {
  reads.push(await readState());
  // Spread over the changes of the state, so that freshly written ones are among them.
  await pause(50);
}
const times = reads.map(({ ms }) => ms);
line(
  `/api/state with gzip, ${READS} reads, p50 / p99 / most`,
  `${median(times).toFixed(1)} / ${percentile(times, 0.99).toFixed(1)} / ${Math.max(...times).toFixed(1)} ms, ${Math.round((reads[0]?.bytes ?? 0) / 1000)} kB`,
);

for (const deltas of [false, true]) {
  const tokens = await Promise.all(
    Array.from({ length: Math.ceil(Number(PROXMOX_CLIENTS) / STREAMS_OF_TOKEN) }, async (_, index) => {
      const { token } = await ask<{ token: string }>('/api/security/tokens', { name: `bench ${deltas} ${index}` });
      return token;
    }),
  );
  const clients = spawn(process.execPath, [path.join(import.meta.dirname, 'state-watchers.js')], {
    env: {
      ...process.env,
      WATCHERS: PROXMOX_CLIENTS,
      WATCHER_TOKENS: tokens.join(','),
      WATCHER_DELTAS: deltas ? '1' : '',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  clients.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  while (!printed.includes('watching')) {
    if (clients.exitCode !== null) throw new Error('the clients ended');
    await pause(100);
  }
  const busy = await share(() => pause(60_000));
  clients.kill('SIGTERM');
  await once(clients, 'exit');
  const { messages, states, bytes, open } = JSON.parse(
    printed.split('\n').find((text) => text.startsWith('{')) ?? '{}',
  ) as Record<string, number>;
  const kind = deltas ? 'that want deltas' : 'that want the whole state';
  line(
    `${PROXMOX_CLIENTS} WebSocket clients ${kind}, 60 s`,
    `${open} open, ${thousands(states ?? 0)} of ${thousands(messages ?? 0)} messages with state, ${Math.round((bytes ?? 0) / 1e6)} MB unpacked; gateway ${busy['gateway']?.toFixed(1)} % of a core, ${Math.round(memory(pids['gateway'] ?? 0, 'VmRSS'))} MB`,
  );
}
await server.stop();
process.exit(0);
