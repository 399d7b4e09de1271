// The one version that runs.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { dataDir, install, releases } from './settings.mjs';

const STOP_MS = 40_000;

/** Starts and stops versions, one at a time. */
export class Running {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  #say;
  #hear;
  isStopping = false;
  /** The version that was started last. @type {string | undefined} */
  version;

  /**
   * @param {(text: string) => void} say
   * @param {(message: unknown, handle: unknown) => void} hear what it hands over
   */
  constructor(say, hear) {
    this.#say = say;
    this.#hear = hear;
  }

  get hasEnded() {
    const child = this.#child;
    return child === undefined || child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  }

  get exitCode() {
    return this.#child?.exitCode ?? undefined;
  }

  /** With what it ended. */
  get end() {
    return this.#child?.signalCode ?? `exit ${this.#child?.exitCode}`;
  }

  /** @param {string} version */
  start(version) {
    if (this.isStopping) return;
    this.version = version;
    const launcher = path.join(releases, version, 'deploy/local/start.mjs');
    const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((file) => fs.existsSync(file));
    const command = [process.execPath, launcher, ...process.argv.slice(2)];
    // The kernel ends what was started when the guard is killed.
    const [program = '', ...args] = setpriv ? [setpriv, '--pdeathsig', 'TERM', '--', ...command] : command;
    this.#child = spawn(program, args, {
      cwd: install,
      env: { ...process.env, LAPWING_INSTALL_DIR: install, LAPWING_DATA_DIR: dataDir },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('error', (error) => this.#say(`cannot be started: ${error.message}`));
    this.#child.on('message', (message, handle) => this.#hear(message, handle));
  }

  /** Asks it to end, and ends it after 40 s all the same. */
  async stop() {
    const until = performance.now() + STOP_MS;
    if (!this.hasEnded) this.#child?.kill('SIGTERM');
    while (!this.hasEnded) {
      if (performance.now() > until) this.#child?.kill('SIGKILL');
      await pause(50);
    }
  }

  /** What a guard that was killed has left is on its way out: it holds the data until then. */
  async awaitFormer() {
    const until = performance.now() + STOP_MS;
    while (!this.isStopping && performance.now() < until && isLauncher(path.join(dataDir, 'launcher.pid')))
      await pause(200);
  }

  stopOnSignals() {
    for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT']))
      process.on(signal, () => {
        if (this.isStopping) return;
        this.isStopping = true;
        this.stop().then(
          () => process.exit(0),
          () => process.exit(1),
        );
      });
  }
}

/** @param {string} file that names a process */
function isLauncher(file) {
  try {
    const pid = Number(fs.readFileSync(file, 'utf8'));
    return pid > 0 && fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('start.mjs');
  } catch {
    return false;
  }
}
