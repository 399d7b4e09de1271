import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const BASE = '/sys/fs/cgroup';

/**
 * Makes a control group whose processes may have no more memory than this. Undefined where this machine lets none be made: then
 * nothing bounds a container, and whoever asks says so.
 */
export function makeMemoryGroup(name: string, bytes: number): string | undefined {
  const own = readFileSync('/proc/self/cgroup', 'utf8').split('\n');
  const first = own.find((line) => line.split(':')[1]?.split(',').includes('memory'));
  const candidates = first
    ? [{ parent: path.join(BASE, 'memory', first.split(':')[2] ?? ''), limit: 'memory.limit_in_bytes' }]
    : [{ parent: BASE, limit: 'memory.max' }];
  for (const { parent, limit } of candidates) {
    const group = path.join(parent, name);
    try {
      mkdirSync(group);
      if (!existsSync(path.join(group, limit))) {
        rmdirSync(group);
        continue;
      }
      writeFileSync(path.join(group, limit), String(bytes));
      return group;
    } catch {
      // This machine does not let us, or groups are mounted elsewhere.
    }
  }
  return undefined;
}
