import type { PhysicalDisk } from '@lapwing/contracts';
import { between, hashOf, hex, mix } from './hash.js';
import { MINUTE, TIB, clamp, instant, swing, type Clock } from './motion.js';
import type { NodePlan } from './nodes.js';

const READ_EVERY = 5 * MINUTE;

interface Model {
  devPath: string;
  model: string;
  type: string;
  size: number;
  temperature: number;
  used: string;
}

const models: Model[] = [
  { devPath: '/dev/nvme0n1', model: 'Samsung SSD 980 PRO 2TB', type: 'nvme', size: 2e12, temperature: 44, used: 'ZFS' },
  { devPath: '/dev/nvme1n1', model: 'Samsung SSD 980 PRO 2TB', type: 'nvme', size: 2e12, temperature: 46, used: 'ZFS' },
  { devPath: '/dev/sda', model: 'INTEL SSDSC2KG038T8', type: 'ssd', size: 3.5 * TIB, temperature: 34, used: 'LVM' },
  { devPath: '/dev/sdb', model: 'ST4000NM000A-2HZ100', type: 'hdd', size: 4e12, temperature: 37, used: 'LVM' },
];

/**
 * The physical disks of the nodes, as they were read within the last five minutes. The SSD of the first node is worn, and the hard disk of the
 * last one fails.
 */
export function disksAt(nodes: NodePlan[], clock: Clock): PhysicalDisk[] {
  const checkedAt = instant(Math.floor(clock.now / READ_EVERY) * READ_EVERY);
  const read = { ...clock, now: checkedAt };
  return nodes.flatMap((node) =>
    models.map(({ devPath, model, type, size, temperature, used }) => {
      const seed = hashOf(`disk:${node.name}:${devPath}`);
      const worn = type === 'ssd' && node.index === 0;
      const failing = type === 'hdd' && node.index === nodes.length - 1;
      const celsius = temperature + (node.highLoad ? 6 : 0) + between(seed, 1, -3, 3) + 4 * swing(mix(seed, 2), read);
      return {
        node: node.name,
        devPath,
        model,
        serial: hex(seed, 3, 14).toUpperCase(),
        type,
        size,
        health: failing ? 'FAILED' : 'PASSED',
        lifeLeft: type === 'hdd' ? null : worn ? 7 : Math.round(between(seed, 4, 62, 99)),
        temperature: Math.round(clamp(celsius, 15, 80)),
        rpm: type === 'hdd' ? 7200 : null,
        used,
        checkedAt,
      };
    }),
  );
}
