import type { HostSample } from '@lapwing/contracts';
import { hostFigures } from '@lapwing/testing';

/** A sample whose figures wander, so that nothing compresses better than in life. */
export function wanderingSample(seq: number, time: number, host: number): HostSample {
  const wave = Math.sin(time / 300_000 + host);
  const noise = ((seq * 2_654_435_761 + host * 40_503) % 1000) / 1000;
  const base = hostFigures();
  const use = Math.round((50 + 40 * wave + 10 * noise) * 100) / 100;
  const memory = Math.round((8 + wave + noise) * 2 ** 30);
  return {
    seq,
    time,
    stale: [],
    ...base,
    cpu: { ...base.cpu, totalUsage: Math.min(Math.max(use, 0), 100) },
    memory: { ...base.memory, used: memory, available: base.memory.total - memory },
    disk: {
      mounts: base.disk.mounts.map((mount) => ({ ...mount, used: mount.used + seq * 4096 })),
      io: base.disk.io.map((device) => ({
        ...device,
        readRate: Math.round(noise * 1e6),
        writeRate: Math.round(noise * 3e6),
      })),
    },
    network: {
      ...base.network,
      interfaces: base.network.interfaces.map((nic) => ({
        ...nic,
        rxBytes: nic.rxBytes + seq * 10_000,
        txBytes: nic.txBytes + seq * 5000,
        rxRate: Math.round(noise * 2e6),
        txRate: Math.round(noise * 1e6),
      })),
    },
  };
}

/** Metrics of one sample that get a column: 23 of the host, 4 of its mount, 4 of its interface. */
export const METRICS_A_SAMPLE = 31;
