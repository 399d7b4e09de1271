#!/usr/bin/env node
// Runs the release that `current` names, and is what a supervisor such as systemd starts. When the updater has ordered another version, the guard
// starts it on trial, and goes back by itself when it does not hold. It lies outside of the releases and needs nothing but Node, so that no release
// can break it. Whatever happens, a power cut or a full disk: some version runs.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { currentVersion, keepReserve, link, readJournal, writeJournal } from './journal.mjs';
import { Running } from './running.mjs';
import { problems, releases, trialMs } from './settings.mjs';
import { unhealthy, unready } from './readiness.mjs';
import { Watchers } from './watchers.mjs';

/** @typedef {import('./journal.mjs').Journal} Journal */

const LOOK_MS = 500;
/** So long a new version must stay ready before it is believed. */
const STEADY_MS = 3000;
const MAX_STARTS = 2;
const AGAIN_MS = 10_000;
/** A version is a folder below `releases`, and nothing else. */
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

const watchers = new Watchers(() => readJournal()?.attemptId);
const running = new Running(say, (message, handle) => watchers.take(message, handle));
/** Services that were not well before the change: nobody holds that against the new version. @type {Set<string>} */
let awayBefore = new Set();
/** What the disk had no room for. @type {Journal | undefined} */
let unwritten;
let againAt = 0;

async function main() {
  const wrong = problems();
  if (wrong.length > 0) {
    for (const problem of wrong) say(problem);
    process.exit(1);
  }
  running.stopOnSignals();
  await running.awaitFormer();
  keepReserve();
  const left = readJournal();
  // What a power cut interrupted is brought to its end first.
  if (left && left.phase !== 'done') await settle(left);
  else running.start(currentVersion());
  for (;;) {
    await pause(LOOK_MS);
    if (running.isStopping) return;
    if (unwritten && performance.now() > againAt) write(unwritten);
    const order = unwritten ? undefined : readJournal();
    if (order?.phase === 'ordered' && performance.now() > againAt) await settle(order);
    else if (running.hasEnded) {
      say('Lapwing has ended; whoever supervises starts it again');
      process.exit(running.exitCode || 1);
    }
  }
}

/**
 * Brings a change of versions to its end, from wherever it is.
 * @param {Journal} journal
 */
async function settle(journal) {
  const { from, to, phase, starts } = journal;
  if (!isThere(from)) return finish(journal, currentVersion(), `release ${from} is not there`);
  if (!isThere(to)) return finish(journal, from, `release ${to} is not there`);
  if (phase === 'reverting') return finish(journal, from, journal.reason ?? 'it was interrupted');
  if (starts >= MAX_STARTS)
    return finish(journal, from, `version ${to} was started ${starts} times and was never ready`);
  // After a power cut nothing runs that could be asked.
  const away = journal.away ?? (await unhealthy().catch(() => [])).map(({ name }) => name);
  awayBefore = new Set(away);
  // What runs is left alone until it is certain that a power cut from now on would be understood.
  const trying = { ...journal, away, phase: /** @type {const} */ ('trial'), starts: starts + 1 };
  const obstacle = writeJournal(trying) ?? link(to);
  if (obstacle !== undefined) return finish(journal, from, `it could not be noted on the disk: ${obstacle}`);
  await running.stop();
  say(`trying ${to}`);
  watchers.progress(90);
  running.start(to);
  const fault = await trial(to);
  if (running.isStopping) return;
  if (fault !== undefined) return finish(trying, from, fault);
  write({ ...trying, phase: 'done', outcome: 'success', reason: null });
  keepReserve();
  say(`${to} is ready`);
  watchers.complete(journal.attemptId, to);
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
  const obstacle = link(version);
  if (obstacle !== undefined) say(`"current" could not be changed: ${obstacle}`);
  const isRunning = running.version === version && !running.hasEnded;
  if (!isRunning) {
    await running.stop();
    running.start(version);
  }
  const fault = await trial(version);
  if (running.isStopping) return;
  const more = fault === undefined ? '' : `; ${version} does not become ready either: ${fault}`;
  write({ ...journal, phase: 'done', outcome: 'rolled_back', reason: reason + more });
  keepReserve();
  watchers.fail(journal.attemptId, reason + more);
}

/**
 * Notes how far it is; what the disk has no room for is noted as soon as it has.
 * @param {Journal} journal
 */
function write(journal) {
  const obstacle = writeJournal(journal);
  if (obstacle !== undefined && !unwritten) say(`the journal cannot be written: ${obstacle}`);
  unwritten = obstacle === undefined ? undefined : journal;
  againAt = obstacle === undefined ? 0 : performance.now() + AGAIN_MS;
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
    if (running.isStopping) return undefined;
    if (running.hasEnded) return `version ${version} ended by itself (${running.end})`;
    const now = performance.now();
    const problem = await unready(version, awayBefore);
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

/** @param {string} version */
function isThere(version) {
  return VERSION.test(version) && fs.existsSync(path.join(releases, version, 'deploy/local/start.mjs'));
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`guard: ${text}\n`);
}

main().catch((error) => {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(1);
});
