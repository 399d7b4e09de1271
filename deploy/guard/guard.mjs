#!/usr/bin/env node
// Runs the release that `current` names, and is what a supervisor such as systemd starts. When the updater has ordered another version, the guard
// starts it on trial, and goes back by itself when it does not become ready. It lies outside of the releases and needs nothing but Node, so that no
// release can break it. What it does is in `journal.json`, so that a power cut at any point leaves a system that starts.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Watchers } from './watchers.mjs';

/**
 * The form of `journal.json`; the updater knows the same (apps/updates/src/domain/journal.ts).
 * @typedef {object} Journal
 * @property {1} schema
 * @property {string} attemptId
 * @property {string} from
 * @property {string} to
 * @property {'ordered' | 'trial' | 'reverting' | 'done'} phase
 * @property {number} starts
 * @property {'success' | 'rolled_back' | null} outcome
 * @property {string | null} reason
 * @property {number} at
 */

const LOOK_MS = 500;
const STOP_MS = 40_000;
/** So long a new version must stay ready before it is believed. */
const STEADY_MS = 3000;
const MAX_STARTS = 2;
/** A version is a folder below `releases`, and nothing else. */
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

const install = path.resolve(process.env.LAPWING_INSTALL_DIR ?? path.join(import.meta.dirname, '..'));
const trialMs = 1000 * seconds(process.env.LAPWING_TRIAL_SECONDS ?? '60');
const journalFile = path.join(install, 'journal.json');
const watchers = new Watchers();

/** @type {import('node:child_process').ChildProcess | undefined} */
let running;
let stopping = false;
/** Services that were not well before the change: nobody holds that against the new version. @type {Set<string>} */
let awayBefore = new Set();

async function main() {
  stopOnSignals();
  const left = readJournal();
  // What a power cut interrupted is brought to its end first.
  if (left && left.phase !== 'done') await settle(left);
  else start();
  for (;;) {
    await pause(LOOK_MS);
    if (stopping) return;
    const order = readJournal();
    if (order?.phase === 'ordered') await settle(order);
    else if (running === undefined || hasEnded(running)) {
      say(`Lapwing has ended; whoever supervises starts it again`);
      process.exit(running?.exitCode || 1);
    }
  }
}

/**
 * Brings a change of versions to its end, from wherever it is.
 * @param {Journal} journal
 */
async function settle(journal) {
  const { from, to, phase, starts } = journal;
  if (!isThere(to) || !isThere(from))
    return finish(journal, isThere(from) ? from : currentVersion(), `release ${to} is not there`);
  if (phase === 'reverting') return finish(journal, from, journal.reason ?? 'it was interrupted');
  if (starts >= MAX_STARTS)
    return finish(journal, from, `version ${to} was started ${starts} times and was never ready`);
  awayBefore = new Set((await unhealthy().catch(() => [])).map(({ name }) => name));
  await stop();
  write({ ...journal, phase: 'trial', starts: starts + 1 });
  link(to);
  say(`trying ${to}`);
  watchers.progress(90);
  start();
  const fault = await trial(to);
  if (stopping) return;
  if (fault !== undefined) return finish(journal, from, fault);
  write({ ...journal, phase: 'done', starts: starts + 1, outcome: 'success', reason: null });
  say(`${to} is ready`);
  watchers.complete(to);
}

/**
 * Goes back, and says why.
 * @param {Journal} journal
 * @param {string} version what is to run
 * @param {string} reason
 */
async function finish(journal, version, reason) {
  say(`going back to ${version}: ${reason}`);
  write({ ...journal, phase: 'reverting', reason });
  await stop();
  link(version);
  start();
  const fault = await trial(version);
  if (stopping) return;
  const more = fault === undefined ? '' : `; ${version} does not become ready either: ${fault}`;
  write({ ...journal, phase: 'done', outcome: 'rolled_back', reason: reason + more });
  watchers.fail(reason + more);
}

/**
 * Watches a version that was started: it must become ready in time, and stay so for a moment.
 * @param {string} version
 * @returns {Promise<string | undefined>} what is wrong with it
 */
async function trial(version) {
  const startedAt = performance.now();
  let readySince = 0;
  let last = 'it does not answer';
  for (;;) {
    await pause(LOOK_MS);
    if (stopping) return undefined;
    if (!running || hasEnded(running))
      return `version ${version} ended by itself (${running?.signalCode ?? `exit ${running?.exitCode}`})`;
    const now = performance.now();
    const problem = await unready(version);
    if (problem === undefined) {
      readySince ||= now;
      if (now - readySince >= STEADY_MS) return undefined;
    } else {
      last = problem;
      readySince = 0;
    }
    watchers.progress(90 + Math.floor((9 * (now - startedAt)) / trialMs));
    if (now - startedAt > trialMs && readySince === 0)
      return `version ${version} was not ready after ${trialMs / 1000} s: ${last}`;
  }
}

/**
 * Why what runs is not ready, in words.
 * @param {string} version
 */
async function unready(version) {
  try {
    const health = await ask('/health');
    const { version: told } = /** @type {{ version?: string }} */ (await health.json());
    if (told !== version) return `version ${told} answers instead`;
    const { status } = await ask('/api/system/health/ready');
    // A service that is away does not keep the rest from being ready, but a version that brings it down does not hold.
    const faults = (await unhealthy()).filter(({ name }) => status !== 200 || !awayBefore.has(name));
    if (status === 200 && faults.length === 0) return undefined;
    return `not ready (status ${status}${faults.map(({ name, message }) => `, ${name}: ${message}`).join('')})`;
  } catch {
    return 'it does not answer';
  }
}

/** The services that are not well at all. @returns {Promise<{ name: string, message: string | undefined }[]>} */
async function unhealthy() {
  const answer = await ask('/api/system/health');
  const { services = {} } = /** @type {{ services?: Record<string, { status: string, message?: string }> }} */ (
    await answer.json()
  );
  const away = Object.entries(services).filter(([, { status }]) => status === 'unhealthy');
  return away.map(([name, { message }]) => ({ name, message }));
}

/** @param {string} route */
function ask(route) {
  const { HOST = '127.0.0.1', PORT = '8080' } = process.env;
  const host = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[HOST] ?? (HOST.includes(':') ? `[${HOST}]` : HOST);
  return fetch(`http://${host}:${PORT}${route}`, { signal: AbortSignal.timeout(3000), redirect: 'manual' });
}

function start() {
  if (stopping) return;
  const launcher = path.join(fs.realpathSync(path.join(install, 'current')), 'deploy/local/start.mjs');
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((file) => fs.existsSync(file));
  const command = [process.execPath, launcher, ...process.argv.slice(2)];
  // The kernel ends what was started when the guard is killed.
  const [program = '', ...args] = setpriv ? [setpriv, '--pdeathsig', 'TERM', '--', ...command] : command;
  running = spawn(program, args, {
    cwd: install,
    env: { ...process.env, LAPWING_INSTALL_DIR: install },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  running.on('error', (error) => say(`cannot be started: ${error.message}`));
  running.on('message', (message, socket) => watchers.take(message, socket));
}

/** Asks what runs to end, and ends it after 40 s all the same. */
async function stop() {
  const child = running;
  if (!child || hasEnded(child)) return;
  child.kill('SIGTERM');
  const until = performance.now() + STOP_MS;
  while (!hasEnded(child)) {
    if (performance.now() > until) child.kill('SIGKILL');
    await pause(50);
  }
}

/** @param {import('node:child_process').ChildProcess} child */
function hasEnded(child) {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

function stopOnSignals() {
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT']))
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
}

/** @param {string} version */
function isThere(version) {
  return VERSION.test(version) && fs.existsSync(path.join(install, 'releases', version, 'deploy/local/start.mjs'));
}

function currentVersion() {
  return path.basename(fs.readlinkSync(path.join(install, 'current')));
}

/**
 * Lets `current` name another version, in one step.
 * @param {string} version
 */
function link(version) {
  const unfinished = path.join(install, '.current.new');
  fs.rmSync(unfinished, { force: true });
  fs.symlinkSync(path.join('releases', version), unfinished);
  fs.renameSync(unfinished, path.join(install, 'current'));
  syncFolder();
}

/** @returns {Journal | undefined} */
function readJournal() {
  try {
    const journal = JSON.parse(fs.readFileSync(journalFile, 'utf8'));
    return journal.schema === 1 && typeof journal.attemptId === 'string' ? journal : undefined;
  } catch {
    return undefined;
  }
}

/** @param {Journal} journal */
function write(journal) {
  const unfinished = `${journalFile}.guard`;
  const file = fs.openSync(unfinished, 'w', 0o600);
  fs.writeFileSync(file, `${JSON.stringify({ ...journal, at: Date.now() }, null, 2)}\n`);
  fs.fsyncSync(file);
  fs.closeSync(file);
  fs.renameSync(unfinished, journalFile);
  syncFolder();
}

function syncFolder() {
  const folder = fs.openSync(install, 'r');
  fs.fsyncSync(folder);
  fs.closeSync(folder);
}

/** @param {string} text */
function seconds(text) {
  const number = Number(text);
  if (!(number >= 1 && number <= 3600)) {
    say(`LAPWING_TRIAL_SECONDS must be 1 to 3600, not "${text}"`);
    process.exit(1);
  }
  return number;
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`guard: ${text}\n`);
}

main().catch((error) => {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(1);
});
