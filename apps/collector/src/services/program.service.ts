import {
  AGENT_STATEMENT,
  AgentStatement,
  LapwingError,
  type AgentFigures,
  type agentRevert,
  type agentUpdate,
  type OutputOf,
} from '@lapwing/contracts';
import { SigningError, openEnvelope, verifyEnvelope } from '@lapwing/signing';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import gt from 'semver/functions/gt.js';
import { allowsHttp } from '../domain/plain-http.js';
import { back, confirm, giveUp, onlyBase, shortened, tryOut, uncount, type ProgramState } from '../domain/program.js';
import { ProgramFiles } from '../store/program-files.js';
import { fetchProgram, type WantedProgram } from './program-source.js';
import type { SamplerService } from './sampler.service.js';
import { Trial } from './trial.js';

/** Whoever gave the command gets its answer first. */
const ANSWER_FIRST_MS = 250;

/** What this process is. */
export interface ProgramOptions {
  /** The agent's data. */
  folder: string;
  version: string;
  /** Whose signatures count; undefined where the collector does not run out of its one file. */
  keys: readonly string[] | undefined;
  /** How it was launched; undefined where the collector does not run out of its one file. */
  launch: { baseVersion: string; baseKeys?: readonly string[]; state: ProgramState; endGuard(): void } | undefined;
  /** Where Lapwing is. */
  url: string | undefined;
  allowHttp: boolean;
  trialSeconds: number;
  /** Ends the process in order, to be started again. */
  leave: () => void;
}

/** A version that is being fetched. */
interface Fetching {
  version: string;
  /** Gives it up; the reason is an error with a sentence that may be shown. */
  controller: AbortController;
  /** Whatever becomes of it. */
  done: Promise<void>;
}

/** Knows which version of the agent runs, fetches another one that was signed, tries it, and goes back. */
export class ProgramService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('collector', 'program');
  readonly #files: ProgramFiles;
  readonly #trial: Trial;
  readonly #startedAt = Math.round(Date.now() - performance.now());
  #state: ProgramState;
  #fetching: Fetching | undefined;
  /** Another version is started next. */
  #isLeaving = false;

  constructor(
    bus: { readonly online: boolean },
    private readonly sampler: Pick<SamplerService, 'taken' | 'lost' | 'waiting' | 'hasStored' | 'takeNow'>,
    private readonly options: ProgramOptions,
  ) {
    this.#files = new ProgramFiles(options.folder);
    this.#state = options.launch?.state ?? onlyBase(options.version);
    const proof = {
      hasTaken: () => sampler.taken > 0,
      take: () => sampler.takeNow(),
      isOnline: () => bus.online,
      hasStored: () => sampler.hasStored,
    };
    this.#trial = new Trial(proof, options.trialSeconds, (failure) => this.#judge(failure));
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.options.launch) return;
    if (this.#state.trial) this.#trial.start();
    await this.#tidy();
  }

  async onModuleDestroy(): Promise<void> {
    if (!this.#trial.isOpen) return;
    this.#trial.stop();
    if (this.#isLeaving) return;
    // Who stops it, or the host, says nothing about the version.
    await this.#files.write(uncount(this.#state)).catch(() => {});
  }

  /** What this process is, and how an update of it fares. */
  inspect(): AgentFigures {
    const { user, system } = process.cpuUsage();
    return {
      version: this.options.version,
      startedAt: this.#startedAt,
      cpuSeconds: (user + system) / 1e6,
      rssBytes: process.memoryUsage.rss(),
      taken: this.sampler.taken,
      lost: this.sampler.lost,
      waiting: this.sampler.waiting,
      problem: this.#problem ?? null,
      update: this.#update(),
    };
  }

  /**
   * Begins to fetch a version. `FORBIDDEN` where this agent cannot be updated, `INVALID_INPUT` for a statement that is not believed or of
   * a version that is not newer, `UPDATE_IN_PROGRESS`.
   */
  update(statement: string): OutputOf<typeof agentUpdate> {
    const { version: own } = this.options;
    if (this.#problem !== undefined) throw new LapwingError('FORBIDDEN', this.#problem);
    const wanted = this.#believed(statement);
    if (!gt(wanted.version, own))
      throw new LapwingError('INVALID_INPUT', `version ${wanted.version} is not newer than ${own}, which runs`);
    if (this.#fetching !== undefined || this.#state.trial || this.#isLeaving)
      throw new LapwingError('UPDATE_IN_PROGRESS', 'an update of this agent is under way');
    const controller = new AbortController();
    const done = this.#fetch({ ...wanted, envelope: statement }, controller.signal);
    this.#fetching = { version: wanted.version, controller, done };
    return { version: wanted.version };
  }

  /**
   * Goes back to the version before; while one is fetched, gives that up instead, and stays what it is. `FORBIDDEN` as above, `NOT_FOUND` when none
   * is known.
   */
  async revert(): Promise<OutputOf<typeof agentRevert>> {
    const { launch } = this.options;
    if (!launch) throw new LapwingError('FORBIDDEN', this.#problem);
    if (this.#fetching) return this.#giveUpFetching(this.#fetching);
    if (!this.#state.previous) throw new LapwingError('NOT_FOUND', 'this agent knows no version that it ran before');
    const state = back(this.#state, launch.baseVersion);
    await this.#files.write(state);
    this.#log.warn({ to: state.current.version }, 'going back to the version before, as the server wants it');
    this.#leave(state);
    return { version: state.current.version };
  }

  async #giveUpFetching({ controller, done }: Fetching): Promise<OutputOf<typeof agentRevert>> {
    controller.abort(new Error('given up: the server took it back'));
    await done;
    return { version: this.options.version };
  }

  get #problem(): string | undefined {
    const { keys, launch, url } = this.options;
    if (!keys || !launch) return 'this collector does not run out of one file: it is updated with what it came with';
    if (keys.length === 0) return 'this agent was built from source and trusts no release key';
    return url === undefined ? 'this agent has no LAPWING_URL to fetch a version from' : undefined;
  }

  #update(): AgentFigures['update'] {
    const { trial, current, failed } = this.#state;
    if (this.#fetching !== undefined) return { state: 'fetching', version: this.#fetching.version, error: null };
    if (trial) return { state: 'trial', version: current.version, error: null };
    if (failed) return { state: 'failed', version: failed.version, error: shortened(failed.reason) };
    return { state: 'idle', version: null, error: null };
  }

  /** What this version believes, and the file that was installed, too: that is who starts it. */
  #believed(statement: string): AgentStatement {
    const { keys = [], launch } = this.options;
    try {
      openEnvelope(statement, AGENT_STATEMENT, launch?.baseKeys ?? keys);
      return verifyEnvelope(statement, AGENT_STATEMENT, AgentStatement, keys);
    } catch (error) {
      if (error instanceof SigningError) throw new LapwingError('INVALID_INPUT', error.message);
      throw error;
    }
  }

  /** Never throws: what failed is told by {@link inspect}, and what runs goes on. */
  async #fetch(wanted: WantedProgram, signal: AbortSignal): Promise<void> {
    const { version, url = '', allowHttp } = this.options;
    this.#log.info({ version: wanted.version }, 'fetching a new version of this agent');
    try {
      await fetchProgram(this.#files, wanted, { url, http: allowsHttp(url, allowHttp), version, signal });
      signal.throwIfAborted();
      const state = tryOut(this.#state, wanted);
      await this.#files.write(state);
      signal.throwIfAborted();
      this.#log.info({ version: wanted.version }, 'ending, for the new version to be tried');
      this.#leave(state);
    } catch (error) {
      const reason = shortened(describeError(signal.aborted ? signal.reason : error).message);
      this.#log.warn({ version: wanted.version, reason }, 'the new version was not taken');
      this.#state = { ...this.#state, failed: { version: wanted.version, reason } };
      await this.#tidy();
      await this.#files.write(this.#state).catch(() => {});
    }
    this.#fetching = undefined;
  }

  /** What has become of the trial of this version. Throws when that cannot be kept, unless it is as good as kept. */
  async #judge(failure: string | undefined): Promise<void> {
    const { launch, version } = this.options;
    if (!launch || this.#isLeaving) return;
    if (failure === undefined) {
      const state = confirm(this.#state);
      await this.#files.write(state);
      this.#state = state;
      launch.endGuard();
      this.#log.info({ version }, 'this version has proved itself');
      return this.#tidy();
    }
    this.#log.error({ version, failure }, 'this version is given up');
    const state = giveUp(this.#state, failure, launch.baseVersion);
    // Where it cannot be kept, the launcher counts.
    await this.#files.write(state).catch(() => {});
    this.#leave(state);
  }

  #leave(state: ProgramState): void {
    this.#state = state;
    // It is told once more while it leaves: another version is started then.
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    setTimeout(this.options.leave, ANSWER_FIRST_MS);
  }

  async #tidy(): Promise<void> {
    try {
      await this.#files.tidy(this.#state);
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'old versions could not be removed');
    }
  }
}
