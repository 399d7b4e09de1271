import { Leases, type Bus } from '@lapwing/bus';
import type { Schema } from '@lapwing/postgres';
import { randomBytes } from 'node:crypto';
import type { UpdatesConfig } from './config.js';
import { AgentCopyService } from './services/agent-copy.service.js';
import { Fleet } from './services/fleet.js';
import { RolloutService, type RolloutOptions } from './services/rollout.service.js';
import { RolloutStore } from './store/rollout.store.js';

/** Makes what rolls out agents. */
export function rolloutParts(config: UpdatesConfig, { bus, schema }: { bus: Bus; schema: Schema }): object[] {
  const leases = new Leases(bus, 'updates', randomBytes(6).toString('hex'), schema);
  const copy = new AgentCopyService(config.GATEWAY_AGENT_FILE, config.trustedKeys);
  const parts = { bus, schema, leases, fleet: new Fleet(bus), store: new RolloutStore(schema), copy };
  return [new RolloutService(parts, optionsOf(config))];
}

function optionsOf(config: UpdatesConfig): RolloutOptions {
  const watchMs = config.UPDATES_RING_WATCH_SECONDS * 1000;
  return {
    watchMs,
    // Fetching may take ten minutes, and a trial two and a half.
    arriveMs: 900_000,
    silentMs: 90_000,
    revertMs: 600_000,
    // Some ten looks at each agent while it is watched.
    paceMs: Math.min(Math.max(watchMs / 10, 500), 5000),
    auto: config.UPDATES_AGENTS === 'auto' ? { afterMs: 60_000, everyMs: 300_000 } : undefined,
  };
}
