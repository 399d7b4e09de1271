import type { AgentStatement } from '@lapwing/contracts';
import { ConnectionError, fetchFile, type FetchedFile } from '@lapwing/outgoing/fetch-file';
import { execFile, type ExecFileException } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ProgramFiles } from '../store/program-files.js';

const FETCH_MS = 600_000;
/** A whole fleet may ask at the same time. */
const RETRY_MS = [1000, 3000, 10_000, 30_000];
const SELF_TEST_MS = 30_000;
const run = promisify(execFile);

/** Where versions of the agent come from. */
export interface ProgramSource {
  /** The server. */
  url: string;
  /** Whether plain http is good enough for it. */
  http: boolean;
  /** The version that runs, for the server's logs. */
  version: string;
  /** Gives it up. */
  signal: AbortSignal;
}

/** What is wanted, and the envelope that says so. */
export interface WantedProgram extends AgentStatement {
  /** An envelope (DSSE) that was believed. */
  envelope: string;
}

/**
 * Fetches a version of the agent, and puts it beside the others when it is exactly what was signed and says so itself.
 * @throws Error with one sentence that may be shown; what was fetched is for whoever calls to remove.
 */
export async function fetchProgram(files: ProgramFiles, wanted: WantedProgram, source: ProgramSource): Promise<void> {
  const incoming = await files.incoming();
  const fetched = await fetchPatiently(incoming, wanted, source);
  if (fetched.bytes !== wanted.size)
    throw new Error(`the server gave ${fetched.bytes} bytes, and ${wanted.size} were signed`);
  if (fetched.sha256 !== wanted.sha256)
    throw new Error(`the server gave a file other than the one that was signed (SHA-256 ${fetched.sha256})`);
  await selfTest(incoming, wanted.version, source.signal);
  await files.keep(incoming, wanted.sha256, wanted.envelope);
}

/** Fetches the server's file, and tries a few times while the server is busy or away. */
async function fetchPatiently(file: string, wanted: AgentStatement, source: ProgramSource): Promise<FetchedFile> {
  const { http, signal } = source;
  // While a server is renewed, one of another version may answer: it says that it is away.
  const url = `${source.url.replace(/\/+$/, '')}/download/lapwing-agent.mjs?sha256=${wanted.sha256}`;
  const headers = { 'user-agent': `lapwing-agent/${source.version}` };
  const deadline = performance.now() + FETCH_MS;
  for (const wait of [...RETRY_MS, undefined])
    try {
      const deadlineMs = Math.max(deadline - performance.now(), 1);
      const options = { reach: 'private', http, deadlineMs, maxBytes: wanted.size, headers, signal } as const;
      return await fetchFile(url, file, options);
    } catch (error) {
      if (!(error instanceof ConnectionError) || wait === undefined || signal.aborted) throw error;
      await pause(wait * (0.5 + Math.random()), undefined, { signal });
    }
  throw new Error('the server is away');
}

/** Lets a version load all that it is made of, in a process of its own as this one was started. */
async function selfTest(file: string, version: string, signal: AbortSignal): Promise<void> {
  const { stdout } = await run(process.execPath, [...process.execArgv, file, '--self-test'], {
    timeout: SELF_TEST_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 65_536,
    signal,
  }).catch((error: ExecFileException) => {
    const what = error.killed ? `took more than ${SELF_TEST_MS / 1000} s` : `ended with ${error.code ?? error.signal}`;
    throw new Error(`the self-test of the new version ${what}`);
  });
  if (saidVersion(stdout) !== version) throw new Error(`the self-test does not say that it is version ${version}`);
}

function saidVersion(text: string): unknown {
  try {
    return (JSON.parse(text) as { version?: unknown }).version;
  } catch {
    return undefined;
  }
}
