import gte from 'semver/functions/gte.js';
import valid from 'semver/functions/valid.js';

/** So often a version is started without proving itself before it is given up. */
const MAX_STARTS = 2;
const MAX_REASON = 300;

/** A program of the agent. */
export interface Program {
  version: string;
  /** Names its file, hexadecimal; null for the file that was installed, the base. */
  sha256: string | null;
}

/** Which program of the agent runs. */
export interface ProgramState {
  /** What is started next. */
  current: Program;
  /** What ran before it, and to which one can go back; null when that is not known (any more). */
  previous: Program | null;
  /** `current` has not proved itself yet, and was started so often. */
  trial: { starts: number } | null;
  /** The version that was given up last, and why. */
  failed: { version: string; reason: string } | null;
}

/** The state of a host on which nothing but the base was ever run. */
export function onlyBase(version: string): ProgramState {
  return { current: { version, sha256: null }, previous: null, trial: null, failed: null };
}

/**
 * Reads a state that was written as JSON. By hand: the launcher runs before everything else, and a library for it would be in memory twice.
 * @throws Error when it is none.
 */
export function parseState(value: unknown): ProgramState {
  const { current, previous, trial, failed } = asObject(value);
  return {
    current: parseProgram(current),
    previous: previous === null ? null : parseProgram(previous),
    trial: trial === null ? null : { starts: asCount(asObject(trial)['starts']) },
    failed: failed === null ? null : parseFailure(asObject(failed)),
  };
}

function parseProgram(value: unknown): Program {
  const { version, sha256 } = asObject(value);
  if (typeof version !== 'string' || valid(version) === null) throw new Error('no version');
  if (sha256 === null) return { version, sha256 };
  // It becomes the name of a file.
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) throw new Error('no SHA-256');
  return { version, sha256 };
}

function parseFailure({ version, reason }: Record<string, unknown>): { version: string; reason: string } {
  if (typeof version !== 'string' || typeof reason !== 'string') throw new Error('no failure');
  return { version, reason };
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new Error('no object');
  return value as Record<string, unknown>;
}

function asCount(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new Error('no count');
  return value;
}

/** Whether a statement, of which nothing is known but that it was signed, is about this program. */
export function isAbout(statement: unknown, { version, sha256 }: Program): boolean {
  if (typeof statement !== 'object' || statement === null) return false;
  const said = statement as Record<string, unknown>;
  return said['sha256'] === sha256 && said['version'] === version;
}

/**
 * What is started now, and the state to note before that: a start on trial counts before it happens, so that one that crashes counts, too.
 * Source: boot counting of A/B boot loaders, e.g. systemd's Automatic Boot Assessment.
 * @param state undefined when there is none.
 * @param baseVersion the version of the file that was installed.
 */
export function choose(state: ProgramState | undefined, baseVersion: string): ProgramState {
  if (!state || state.current.sha256 === null) return { ...onlyBase(baseVersion), failed: state?.failed ?? null };
  // Somebody has installed it anew.
  if (gte(baseVersion, state.current.version)) return onlyBase(baseVersion);
  if (!state.trial) return state;
  const { starts } = state.trial;
  if (starts < MAX_STARTS) return { ...state, trial: { starts: starts + 1 } };
  return choose(giveUp(state, `it ended ${starts} times before it had proved itself`, baseVersion), baseVersion);
}

/** A version was fetched and is tried from the next start on. */
export function tryOut(state: ProgramState, program: Program): ProgramState {
  return { current: program, previous: state.current, trial: { starts: 0 }, failed: null };
}

/** The version on trial has proved itself. */
export function confirm(state: ProgramState): ProgramState {
  return { ...state, trial: null };
}

/** It ends on purpose before it could prove itself: that start does not count. */
export function uncount(state: ProgramState): ProgramState {
  return state.trial ? { ...state, trial: { starts: Math.max(state.trial.starts - 1, 0) } } : state;
}

/** Goes back to what ran before, because of a fault of what runs now. What was before that is not known. */
export function giveUp(state: ProgramState, reason: string, baseVersion: string): ProgramState {
  const failed = { version: state.current.version, reason: shortened(reason) };
  return { ...back(state, baseVersion), failed };
}

/** Goes back to what ran before, because somebody wants it. What was before that is not known. */
export function back({ previous }: ProgramState, baseVersion: string): ProgramState {
  const current = previous && previous.sha256 !== null ? previous : { version: baseVersion, sha256: null };
  return { current, previous: null, trial: null, failed: null };
}

/** The files that are needed: each program, and the signed statement about it. */
export function filesOf({ current, previous }: ProgramState): string[] {
  return [current, previous].flatMap((program) =>
    program?.sha256 == null ? [] : [`${program.sha256}.mjs`, `${program.sha256}.json`],
  );
}

/** A reason as it fits into what the agent tells. */
export function shortened(reason: string): string {
  return reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON - 1)}…` : reason;
}
