import { streamStates, type Bus, type StreamState } from '@lapwing/bus';
import { diagnosticsGet, type Breaker, type Problem, type ServiceDiagnostics } from '@lapwing/contracts';
import { processFacts } from '@lapwing/service';
import { recentProblems } from '@lapwing/telemetry';
import type { SystemHealth } from '../domain/system-health.js';
import type { CensusService } from './census.service.js';
import { linkOf, type EstateTarget } from './estate.js';
import type { EstateService } from './estate.service.js';
import type { SystemHealthService } from './system-health.service.js';

const WAIT_MS = 2500;
const STREAMS_MS = 1500;
/** To look costs every service something, and nobody needs it more often. */
const FRESH_MS = 45_000;
const MAX_PROBLEMS = 100;
const MAX_BREAKERS = 100;
const MAX_NODES = 500;
/** Polls that fail in a row before the next ones come less often. Source: waitAfter of the poller. */
const PATIENT_POLLS = 3;

/** Everything that a report is made of. */
export interface Diagnosis {
  health: SystemHealth;
  /** What each replica of each service tells. */
  replicas: ServiceDiagnostics[];
  /** This process. */
  own: ReturnType<typeof processFacts>;
  nodes: EstateTarget[];
  problems: Problem[];
  breakers: Breaker[];
  streams: StreamState[];
  polls: number;
  /** When it was made, milliseconds since 1970. */
  at: number;
}

/** Looks everywhere for what may be wrong, once in 45 s for all who want to know. */
export class DiagnosticsService {
  #kept: { diagnosis: Diagnosis; at: number } | undefined;
  #looking: Promise<Diagnosis> | undefined;

  constructor(
    private readonly parts: {
      bus: Bus;
      health: SystemHealthService;
      census: CensusService;
      estate: EstateService;
    },
  ) {}

  /** What was found within the last 45 s. */
  async diagnose(): Promise<Diagnosis> {
    if (this.#kept && performance.now() - this.#kept.at < FRESH_MS) return this.#kept.diagnosis;
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #look(): Promise<Diagnosis> {
    const { health, census, estate } = this.parts;
    const [report, asked, streams] = await Promise.all([
      health.report(),
      census.ask(diagnosticsGet, WAIT_MS, true),
      this.#streams(),
    ]);
    const at = Date.now();
    const replicas = asked.flatMap(({ answers }) => answers);
    const nodes = estate.targets().slice(0, MAX_NODES);
    const told = [...replicas.flatMap(({ problems }) => problems), ...recentProblems('gateway', MAX_PROBLEMS)];
    const breakers = [...replicas.flatMap((replica) => replica.breakers), ...nodes.flatMap((node) => slowed(node, at))];
    const diagnosis = {
      health: report,
      replicas,
      own: processFacts(),
      nodes,
      problems: told.toSorted((one, other) => other.time - one.time).slice(0, MAX_PROBLEMS),
      breakers: breakers.slice(0, MAX_BREAKERS),
      streams,
      polls: estate.polls,
      at,
    };
    this.#kept = { diagnosis, at: performance.now() };
    return diagnosis;
  }

  async #streams(): Promise<StreamState[]> {
    try {
      return await streamStates(this.parts.bus, STREAMS_MS);
    } catch {
      return [];
    }
  }
}

/** A target that is polled less often than it should be, because polls have failed. */
function slowed(target: EstateTarget, now: number): Breaker[] {
  const link = linkOf(target, now);
  const said = target.sections.link?.time;
  if (!link || said === undefined || (link.failures ?? 0) <= PATIENT_POLLS) return [];
  const retryAt = said + Math.round(link.intervalSeconds * 1000);
  return [
    {
      kind: 'target',
      name: target.id,
      failures: link.failures ?? null,
      since: link.reachedAt,
      retryAt,
      reason: link.fault ?? 'unknown',
    },
  ];
}
