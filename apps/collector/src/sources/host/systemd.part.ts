import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { PartOf, PartReader } from '../source.js';

const run = promisify(execFile);
const MAX_SERVICES = 2000;

/** Reads what `systemctl list-units --plain --no-legend` prints: UNIT LOAD ACTIVE SUB DESCRIPTION. */
export function parseUnits(text: string): PartOf<'systemd'>['services'] {
  return text.split('\n').flatMap((line) => {
    const [name, load, state, subState] = line.trim().split(/\s+/);
    return name && load && state && subState && load !== 'not-found' ? [{ name, state, subState }] : [];
  });
}

/** Reads the states of systemd's services. */
export class SystemdReader implements PartReader<'systemd'> {
  readonly part = 'systemd';
  readonly everyMs = 30_000;
  readonly limitMs = 6000;
  readonly empty: PartOf<'systemd'> = { available: false, services: [] };

  async read(): Promise<PartOf<'systemd'>> {
    if (!existsSync('/run/systemd/system')) return this.empty;
    const options = {
      timeout: 5000,
      killSignal: 'SIGKILL' as const,
      maxBuffer: 2 ** 22,
      env: { ...process.env, LC_ALL: 'C' },
    };
    const list = ['list-units', '--type=service', '--all', '--plain', '--no-legend', '--no-pager'];
    const { stdout } = await run('systemctl', list, options);
    return { available: true, services: parseUnits(stdout).slice(0, MAX_SERVICES) };
  }
}
