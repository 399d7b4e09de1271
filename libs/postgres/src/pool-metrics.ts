import { counter, gauge } from '@lapwing/telemetry';
import type pg from 'pg';

const failures = counter<'service' | 'reason'>({
  name: 'lapwing_postgres_failures_total',
  help: 'Statements and transactions that failed: the database was away, it could not for now (passing), or it refused them',
  labelNames: ['service', 'reason'],
});

/** Why a statement fails. */
const reasons = ['away', 'passing', 'refused'] as const;

/** The pools of this process, each with the service that it belongs to. */
const pools = new Map<pg.Pool, string>();

gauge<'service' | 'state'>({
  name: 'lapwing_postgres_connections',
  help: 'Connections of the pool, by whether they are used or idle',
  labelNames: ['service', 'state'],
  collect() {
    for (const [pool, service] of pools) {
      this.set({ service, state: 'used' }, pool.totalCount - pool.idleCount);
      this.set({ service, state: 'idle' }, pool.idleCount);
    }
  },
});
gauge<'service'>({
  name: 'lapwing_postgres_connections_max',
  help: 'Connections that the pool may have',
  labelNames: ['service'],
  collect() {
    for (const [pool, service] of pools) this.set({ service }, pool.options.max);
  },
});
gauge<'service'>({
  name: 'lapwing_postgres_waiting',
  help: 'Statements and transactions that wait for a connection of the pool',
  labelNames: ['service'],
  collect() {
    for (const [pool, service] of pools) this.set({ service }, pool.waitingCount);
  },
});

/** Shows how busy a pool is, until what is returned is called. */
export function watchPool(service: string, pool: pg.Pool): () => void {
  pools.set(pool, service);
  for (const reason of reasons) failures.inc({ service, reason }, 0);
  return () => pools.delete(pool);
}

/** Counts a statement or a transaction that failed. */
export function countFailure(service: string, reason: (typeof reasons)[number]): void {
  failures.inc({ service, reason });
}
