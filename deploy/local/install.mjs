// Brings a fresh clone to where it can run: packages and compiled code. Uses nothing but Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { root } from './options.mjs';
import { LaunchError, step } from './steps.mjs';

const stamp = path.join(root, 'node_modules/.lapwing-lock');
/** A release has its packages and its compiled code with it, and none of what makes them. */
const isRelease = fs.existsSync(path.join(root, 'release.json'));

/** Installs the packages that the lock file names, unless that was done for this very lock file. */
export function installPackages() {
  if (isRelease) return;
  const lock = createHash('sha256')
    .update(fs.readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === lock) return;
  step('installing packages (npm ci), about half a minute');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci');
  fs.writeFileSync(stamp, lock);
}

/** Compiles what has changed. */
export function build() {
  if (isRelease) return;
  const built = fs.existsSync(path.join(root, 'apps/standalone/dist/main.js'));
  if (!built) step('compiling');
  run(process.execPath, ['node_modules/typescript-7/bin/tsc', '-b'], 'the compiler');
  buildAgent();
}

/** Puts the agent into one file, unless what it is made of is older. */
function buildAgent() {
  const file = path.join(root, 'apps/collector/dist/agent/lapwing-agent.mjs');
  const parts = [
    'apps/collector',
    'libs/bus',
    'libs/contracts',
    'libs/outgoing',
    'libs/service',
    'libs/signing',
    'libs/telemetry',
  ];
  const newest = Math.max(
    fs.statSync(path.join(root, 'deploy/local/agent.mjs')).mtimeMs,
    ...parts.map((part) => fs.statSync(path.join(root, part, 'dist/.tsbuildinfo')).mtimeMs),
  );
  if (fs.existsSync(file) && fs.statSync(file).mtimeMs > newest) return;
  run(process.execPath, ['deploy/local/agent.mjs'], 'the bundler of the agent');
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} name
 */
function run(command, args, name) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error || status !== 0) throw new LaunchError(`${name} failed${error ? `: ${error.message}` : ''}; see above`);
}
