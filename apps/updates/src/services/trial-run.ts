import { LapwingError } from '@lapwing/contracts';
import { execFile } from 'node:child_process';
import path from 'node:path';

const SELF_TEST_MS = 60_000;
const MIGRATE_MS = 600_000;

/**
 * Has an unpacked version look at itself, with the settings under which it is going to run: whether all of it can be loaded, and whether it accepts
 * the settings. `UPDATE_FAILED` with what it said.
 */
export async function selfTest(release: string, version: string, signal: AbortSignal): Promise<void> {
  const said = await run(release, 'apps/standalone/dist/self-test.js', SELF_TEST_MS, 'self-test', signal);
  if (said.trim().split('\n').at(-1) !== `ok ${version}`)
    throw new LapwingError('UPDATE_FAILED', `the self-test of ${version} says something else than that it is well`);
}

/** Has an unpacked version bring the database to where it needs it. `UPDATE_FAILED` with what it said; nothing is changed then. */
export async function migrate(release: string, signal: AbortSignal): Promise<void> {
  await run(release, 'apps/updates/dist/migrate.js', MIGRATE_MS, 'migration', signal);
}

async function run(
  release: string,
  script: string,
  timeout: number,
  what: string,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: release, timeout, signal, killSignal: 'SIGKILL' as const, maxBuffer: 2 ** 20 };
    execFile(process.execPath, [path.join(release, script)], options, (error, out, errors) => {
      if (!error) return resolve(out);
      if (signal.aborted) return reject(error);
      const reason = error.killed ? `took longer than ${timeout / 1000} s` : lastWords(errors || out);
      reject(new LapwingError('UPDATE_FAILED', `the ${what} of the new version failed: ${reason}`));
    });
  });
}

/** The end of what a program said, in one line, without what looks like a secret in a URL. */
function lastWords(text: string): string {
  const lines = text.trim().split('\n').slice(-4).join(' ').replace(/\s+/g, ' ');
  const plain = lines.replace(/(\w+:\/\/)[^\s/@]+@/g, '$1***@');
  return plain === '' ? 'it said nothing' : plain.slice(0, 500);
}
