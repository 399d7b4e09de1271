// What the updater and the guard tell each other, and which version is current: on disk, so that a power cut at any point leaves the truth.
import fs from 'node:fs';
import path from 'node:path';
import { install } from './settings.mjs';

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
 * @property {string[]} [away] services that were not well before the change; for the guard alone
 * @property {number} at
 */

const file = path.join(install, 'journal.json');
/** Room for the journal and the link on a disk that others have filled. */
const reserve = path.join(install, '.reserve');
const RESERVE = 65_536;
/** The updater reads no longer ones. */
const MAX_REASON = 1500;

/** @returns {Journal | undefined} */
export function readJournal() {
  try {
    const journal = JSON.parse(fs.readFileSync(file, 'utf8'));
    return journal.schema === 1 && typeof journal.attemptId === 'string' ? journal : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes the journal. Returns why that is not possible, in words.
 * @param {Journal} journal
 */
export function writeJournal(journal) {
  const reason = journal.reason?.slice(0, MAX_REASON) ?? null;
  const text = `${JSON.stringify({ ...journal, reason, at: Date.now() }, null, 2)}\n`;
  return withReserve(() => {
    const unfinished = `${file}.guard`;
    const handle = fs.openSync(unfinished, 'w', 0o600);
    try {
      fs.writeFileSync(handle, text);
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
    fs.renameSync(unfinished, file);
    syncFolder();
  });
}

/** The version that `current` names. */
export function currentVersion() {
  return path.basename(fs.readlinkSync(path.join(install, 'current')));
}

/**
 * Lets `current` name a version, in one step. Returns why that is not possible, in words.
 * @param {string} version
 */
export function link(version) {
  return withReserve(() => {
    const unfinished = path.join(install, '.current.new');
    fs.rmSync(unfinished, { force: true });
    fs.symlinkSync(path.join('releases', version), unfinished);
    fs.renameSync(unfinished, path.join(install, 'current'));
    syncFolder();
  });
}

/** Takes room for the day when the disk is full. */
export function keepReserve() {
  try {
    if (!fs.existsSync(reserve)) fs.writeFileSync(reserve, Buffer.alloc(RESERVE, 1), { mode: 0o600 });
  } catch {
    fs.rmSync(reserve, { force: true });
  }
}

/**
 * Does what wants room on the disk; once more with the room that was kept, when there is none. Returns what was wrong then.
 * @param {() => void} work
 */
function withReserve(work) {
  const first = tried(work);
  if (first === undefined) return undefined;
  fs.rmSync(reserve, { force: true });
  return tried(work);
}

/** @param {() => void} work */
function tried(work) {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function syncFolder() {
  const folder = fs.openSync(install, 'r');
  fs.fsyncSync(folder);
  fs.closeSync(folder);
}
