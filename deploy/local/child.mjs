// Runs a program and keeps it running: started again with back-off when it ends, ended with the launcher whatever happens.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { step } from './steps.mjs';

/**
 * @typedef {object} Program
 * @property {string} name
 * @property {string} program
 * @property {string[]} args
 * @property {Record<string, string | undefined>} [env]
 * @property {string} [cwd]
 * @property {string} log the file that gets what it prints, or "inherit"
 * @property {string} [errorLog] the file that gets what it prints to stderr; by default the same
 * @property {boolean} [ipc] whether it may hand connections to the guard under which the launcher runs
 * @property {NodeJS.Signals} [stopSignal] asks it to end; SIGTERM by default
 */

const STEADY_MS = 10_000;
const MAX_WAIT_MS = 5000;
const KILL_AFTER_MS = 12_000;
const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((file) => fs.existsSync(file));

/** A program under supervision. */
export class Child {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;
  #stopping = false;
  #wait = 100;
  /** How often it was started again. */
  restarts = 0;

  /**
   * @param {Program} program
   * @param {{ restart?: boolean, onExit?: (code: number | null) => void }} [options]
   */
  constructor(program, options = {}) {
    this.program = program;
    this.options = options;
  }

  /** @returns {number | undefined} */
  get pid() {
    return this.#process?.pid;
  }

  start() {
    const { program, args, env, cwd, log, errorLog, ipc } = this.program;
    const out = log === 'inherit' ? 'inherit' : fs.openSync(log, 'a');
    const err = errorLog ? fs.openSync(errorLog, 'a') : out;
    // The kernel ends the child with the launcher, even when the launcher is killed; `detached` keeps Ctrl-C to the launcher.
    const [command, ...rest] = setpriv ? [setpriv, '--pdeathsig', 'TERM', '--', program, ...args] : [program, ...args];
    const startedAt = performance.now();
    this.#process = spawn(command, rest, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ipc && process.send ? ['ignore', out, err, 'ipc'] : ['ignore', out, err],
      detached: true,
    });
    this.#process.on('message', (message, handle) => {
      process.send?.(message, handle, {}, () => {});
    });
    for (const file of new Set([out, err])) if (typeof file === 'number') fs.closeSync(file);
    this.#process.once('error', (error) => step(`${this.program.name} cannot be started: ${error.message}`));
    this.#process.once('exit', (code, signal) => this.#ended(code, signal, performance.now() - startedAt));
    return this;
  }

  /**
   * @param {number | null} code
   * @param {NodeJS.Signals | null} signal
   * @param {number} livedMs
   */
  #ended(code, signal, livedMs) {
    this.options.onExit?.(code);
    if (this.#stopping || this.options.restart === false) return;
    this.#wait = livedMs > STEADY_MS ? 100 : Math.min(this.#wait * 2, MAX_WAIT_MS);
    step(`${this.program.name} ended (${signal ?? `exit ${code}`}), starting it again in ${this.#wait} ms`);
    setTimeout(() => {
      if (this.#stopping) return;
      this.restarts++;
      this.start();
    }, this.#wait);
  }

  /** Asks it to end, and ends it after 12 s all the same. */
  async stop() {
    this.#stopping = true;
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null || running.pid === undefined) return;
    const exited = once(running, 'exit');
    running.kill(this.program.stopSignal ?? 'SIGTERM');
    const timer = setTimeout(() => running.kill('SIGKILL'), KILL_AFTER_MS);
    await exited;
    clearTimeout(timer);
  }
}

/**
 * The end of what a program printed, for when it does not start.
 * @param {Program} program
 */
export function tail({ log, errorLog }) {
  const ends = [log, ...(errorLog ? [errorLog] : [])].map(endOf).filter((end) => end !== '');
  return ends.length > 0 ? ends.join('\n') : '(no log)';
}

/** @param {string} file */
function endOf(file) {
  try {
    return fs.readFileSync(file, 'utf8').trim().split('\n').slice(-15).join('\n');
  } catch {
    return '';
  }
}

/** @param {string[]} folder */
export function ensureFolder(...folder) {
  const joined = path.join(...folder);
  fs.mkdirSync(joined, { recursive: true });
  return joined;
}
