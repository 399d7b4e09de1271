import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Host } from '../../store/host.js';
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

  constructor(private readonly host: Host) {}

  async read(): Promise<PartOf<'systemd'>> {
    if (!existsSync(this.host.path('/run/systemd/system'))) return this.empty;
    const options = {
      timeout: 5000,
      killSignal: 'SIGKILL' as const,
      maxBuffer: 2 ** 22,
      // Elsewhere than in the root of its first process systemctl would do nothing.
      env: { ...process.env, LC_ALL: 'C', ...(this.host.root && { SYSTEMD_IGNORE_CHROOT: '1' }) },
    };
    const list = ['list-units', '--type=service', '--all', '--plain', '--no-legend', '--no-pager'];
    const [program, ...before] = this.host.command('systemctl');
    const { stdout } = await run(program, [...before, ...list], options);
    return { available: true, services: parseUnits(stdout).slice(0, MAX_SERVICES) };
  }
}
