// (h) After an hour without the server: how fast an agent gives what it has taken meanwhile, and what live samples of others feel of it.
import type { Outbox } from '@lapwing/collector/store/outbox';
import { samplesStored } from '@lapwing/contracts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beginAgent, type SimulatedAgent } from './agents.js';
import { line, percentile } from './report.js';
import { wanderingSample } from './samples.js';

const HOUR_MS = 3_600_000;
const CUT_OFF = 20;
const LIVE = 20;
const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-outage-'));

/** An hour of samples, taken and not sent. */
const anHour = (number: number, everyMs: number) => async (outbox: Outbox) => {
  const from = Date.now() - HOUR_MS;
  for (let time = from; time < Date.now(); time += everyMs) {
    const { seq: _seq, time: _time, ...figures } = wanderingSample(outbox.nextSeq, time, number);
    await outbox.append(figures, time);
  }
};

const latencies: { at: number; ms: number }[] = [];
const ending = new AbortController();

/** A host that reports: a sample a second, and how long it took until each was stored. */
async function live(agent: SimulatedAgent, number: number): Promise<void> {
  const taken = new Map<number, number>();
  agent.bus.listen(samplesStored, agent.agentId, ({ ranges }) => {
    for (const [first, last] of ranges)
      for (let seq = first; seq <= last; seq++) {
        const at = taken.get(seq);
        if (at !== undefined) latencies.push({ at, ms: performance.now() - at });
        taken.delete(seq);
      }
  });
  await pause((number / LIVE) * 1000);
  while (!ending.signal.aborted) {
    const { seq: _seq, time: _time, ...figures } = wanderingSample(agent.outbox.nextSeq, Date.now(), number);
    const at = performance.now();
    const { record, entry } = await agent.outbox.append(figures, Date.now());
    taken.set(record.seq, at);
    void agent.delivery.sendLive(record, entry);
    await pause(1000);
  }
}

const reporters = await Promise.all(Array.from({ length: LIVE }, (_, index) => beginAgent(`live-${index}`, folder)));
const playing = Promise.all(reporters.map(live));
await pause(20_000);
const backAt = performance.now();
for (const everyMs of [5000, 1000]) {
  const name = `far-${everyMs}`;
  let filledAt = 0;
  const agents = await Promise.all(
    Array.from({ length: everyMs === 5000 ? 1 : CUT_OFF }, (_, index) =>
      beginAgent(`${name}-${index}`, folder, async (outbox) => {
        await anHour(index, everyMs)(outbox);
        filledAt = performance.now();
      }),
    ),
  );
  const count = agents.reduce((sum, { outbox }) => sum + outbox.nextSeq - 1, 0);
  while (agents.some(({ outbox }) => outbox.size > 0)) await pause(10);
  const seconds = (performance.now() - filledAt) / 1000;
  line(
    `an hour of ${agents.length} agent${agents.length > 1 ? 's' : ''} at ${everyMs / 1000} s (${count} samples), from the connection to "stored"`,
    `${seconds.toFixed(1)} s, ${Math.round(HOUR_MS / 1000 / seconds)} × real time`,
  );
}
const doneAt = performance.now();
await pause(1000);
ending.abort();
await playing;
const calm = latencies.filter(({ at }) => at < backAt).map(({ ms }) => ms);
const busy = latencies.filter(({ at }) => at >= backAt && at < doneAt).map(({ ms }) => ms);
for (const [when, values] of [
  ['before', calm],
  ['during the back-fill', busy],
] as const)
  line(
    `live samples from taken to stored, ${when} (${values.length})`,
    `p50 ${percentile(values, 0.5).toFixed(1)} ms, p99 ${percentile(values, 0.99).toFixed(1)} ms`,
  );
await rm(folder, { recursive: true, force: true });
process.exit(0);
