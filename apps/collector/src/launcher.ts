import { AGENT_STATEMENT } from '@lapwing/contracts/agent-statement';
import { openEnvelope } from '@lapwing/signing/open';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { choose, giveUp, isAbout, onlyBase, type Program, type ProgramState } from './domain/program.js';
import { endWellOnlyWhenAsked } from './ending.js';
import { ProgramFiles } from './store/program-files.js';

/** Under this name a program finds how it was launched. An installed file launches versions of years later, so this and the form do not change. */
const LAUNCH = Symbol.for('lapwing.agent.launch.v1');
/** So much longer than the program itself takes to give up, and to end in order. */
const GRACE = 1.25;

/** How a program was launched. */
export interface Launch {
  /** The version of the file that was installed. */
  baseVersion: string;
  /** Whose signatures count for the file that was installed; undefined where it does not say. */
  baseKeys?: readonly string[];
  state: ProgramState;
  /** A program on trial has proved itself: nobody ends it any more. */
  endGuard(): void;
}

/** What the launcher is told. */
export interface LauncherOptions {
  /** The agent's data. */
  folder: string;
  baseVersion: string;
  /** Whose signatures count for what is started. */
  baseKeys: readonly string[];
  /** A program on trial must have proved itself after so long. */
  trialSeconds: number;
}

const global = globalThis as { [LAUNCH]?: Launch };

/** How this program was launched; undefined for one that was not launched by an installed file. */
export function launched(): Launch | undefined {
  return global[LAUNCH];
}

/**
 * Starts the version that was chosen, when it is not the file that was installed.
 * @returns whether it did; otherwise the caller goes on itself.
 */
export async function launch(options: LauncherOptions): Promise<boolean> {
  // First, whether it launches or was launched: an installed file of before may not see to it.
  endWellOnlyWhenAsked();
  // Who was launched does not launch.
  if (global[LAUNCH]) return false;
  const { folder, baseVersion, baseKeys } = options;
  const files = new ProgramFiles(folder);
  const state = decide(files, options);
  const { sha256, version } = state.current;
  const guard = state.trial ? startGuard(files, state, options) : undefined;
  global[LAUNCH] = { baseVersion, baseKeys, state, endGuard: () => void guard?.terminate() };
  if (sha256 === null) return false;
  tell(`${version} is started${state.trial ? ', on trial' : ''}, in place of ${baseVersion} that was installed`);
  await import(pathToFileURL(files.pathOf(sha256)).href);
  return true;
}

/** What is started, noted on disk. What cannot be noted is not tried: its starts would not count. */
function decide(files: ProgramFiles, { baseVersion, baseKeys }: LauncherOptions): ProgramState {
  const known = files.readNow();
  let state = choose(known, baseVersion);
  for (let fault = faultOf(files, state.current, baseKeys); fault !== undefined;) {
    state = giveUp(state, fault, baseVersion);
    fault = faultOf(files, state.current, baseKeys);
  }
  if (JSON.stringify(state) === JSON.stringify(known ?? onlyBase(baseVersion))) return state;
  try {
    files.writeNow(state);
  } catch (error) {
    tell(`the state of programs cannot be kept: ${(error as Error).message}`);
    if (state.trial) return giveUp(state, 'its start could not be counted: the disk takes nothing', baseVersion);
  }
  return state;
}

/** Why a program may not be started; undefined when it may. What the state says of it counts for nothing: it is not signed. */
function faultOf(files: ProgramFiles, program: Program, keys: readonly string[]): string | undefined {
  const { sha256 } = program;
  if (sha256 === null) return undefined;
  if (!files.isIntact(sha256)) return 'its file is not there as it was fetched';
  try {
    const statement = openEnvelope(files.statementNow(sha256), AGENT_STATEMENT, keys);
    return isAbout(statement, program) ? undefined : 'what was signed is about another file';
  } catch (error) {
    return `its signed statement is not believed: ${(error as Error).message}`;
  }
}

/**
 * Ends this process when the program on trial has not proved itself in time and does not even notice: because it blocks its own thread, or lacks the
 * code that would. Text, so that it needs no file; it lives no longer than the trial.
 */
const GUARD = `
const { workerData: { file, folder, text, afterMs, pid } } = require('node:worker_threads');
const fs = require('node:fs');
setTimeout(() => {
  try {
    const handle = fs.openSync(file + '.new', 'w', 0o600);
    fs.writeSync(handle, text);
    fs.fsyncSync(handle);
    fs.closeSync(handle);
    fs.renameSync(file + '.new', file);
    fs.fsyncSync(fs.openSync(folder, 'r'));
  } catch {
    // the next starts count
  }
  process.kill(pid, 'SIGKILL');
}, afterMs);
`;

function startGuard(files: ProgramFiles, state: ProgramState, options: LauncherOptions): Worker {
  const { baseVersion, trialSeconds } = options;
  const reason = `it did not prove itself within ${trialSeconds} s, and had to be killed`;
  const text = JSON.stringify(giveUp(state, reason, baseVersion));
  const worker = new Worker(GUARD, {
    eval: true,
    workerData: {
      file: files.stateFile,
      folder: files.folder,
      text,
      afterMs: trialSeconds * 1000 * GRACE,
      pid: process.pid,
    },
    // A host's agent has little memory.
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 },
  });
  worker.on('error', (error) => tell(`the trial is not guarded: ${error.message}`));
  worker.unref();
  return worker;
}

/** There is no log yet. */
function tell(message: string): void {
  process.stderr.write(`lapwing: ${message}\n`);
}
