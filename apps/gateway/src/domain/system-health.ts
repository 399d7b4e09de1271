import type { HealthCheck, HealthStatus, ServiceHealth } from '@lapwing/contracts';

/** One line of the health report. */
export interface Line {
  status: HealthStatus;
  /** One sentence, without addresses or secrets: everyone may read it. */
  message: string;
  details: Record<string, string> | null;
}

/** How a worker does. */
export interface WorkerState {
  name: string;
  running: boolean;
  /** Null while there is nothing to say. */
  message: string | null;
}

/** How the whole system is. */
export interface SystemHealth {
  status: HealthStatus;
  services: Record<string, Line>;
  workers: WorkerState[];
  /** Whether everything without which nothing works is there. */
  ready: boolean;
}

/** What the replicas of a service have answered. */
export interface ServiceState {
  service: string;
  answers: ServiceHealth[];
  /** How many more there are that do not answer. */
  silent: number;
}

/** What was found out at one time. */
export interface Findings {
  redis: Line;
  nats: Line;
  services: ServiceState[];
  /** Whether there is anything to poll: without it nobody needs a poller. */
  isPolling: boolean;
}

type Found = Pick<HealthCheck, 'status' | 'message'>;

/** Which checks of which service a worker consists of; where there are several places, the first that knows them. */
interface WorkerDefinition {
  name: string;
  places: { service: string; checks: string[] }[];
}

const worker = (name: string, service: string, ...checks: string[]): WorkerDefinition => ({
  name,
  places: [{ service, checks }],
});

const DETECTION = 'detection_worker';
const ANALYSIS = 'analysis_worker';
const POLLER = 'poller';

/** The first four are names of the contract. Source: contract-notes, appendix 3. */
const workers: WorkerDefinition[] = [
  worker('gpu_monitor', 'fleet', 'gpu_monitor'),
  {
    name: 'cleanup_service',
    places: [
      { service: 'settings', checks: ['cleanup_service'] },
      { service: 'metrics-store', checks: ['rollups'] },
    ],
  },
  worker(DETECTION, 'alerting', 'evaluation'),
  worker(ANALYSIS, 'alerting', 'clock', 'deliveries'),
  worker('log_rules', 'alerting', 'log rules'),
  worker('rollups', 'metrics-store', 'rollups'),
  worker('log_maintenance', 'log-store', 'logs_maintenance'),
  worker('fleet_presence', 'fleet', 'presence'),
  worker('rollouts', 'updates', 'rollouts'),
  worker(POLLER, 'poller', 'polling'),
];

/** The parts of the analysis stage, by the checks of alerting. */
const analysis = { evaluation: 'evaluation', routing: 'clock', deliveries: 'deliveries', log_rules: 'log rules' };

const RANK: HealthStatus[] = ['healthy', 'degraded', 'unhealthy'];
const worst = <T extends { status: HealthStatus }>(found: readonly T[]): T | undefined =>
  found.toSorted((one, other) => RANK.indexOf(other.status) - RANK.indexOf(one.status))[0];
const isWell = ({ status }: { status: HealthStatus }): boolean => status === 'healthy';

/**
 * Judges what was found out. Unhealthy without the database, Redis or NATS; degraded when anything else is not healthy. Ready while those are
 * healthy and alerts are judged and routed: the rest may be missing for a while.
 */
export function judge({ redis, nats, services: all, isPolling }: Findings): SystemHealth {
  const services = all.map(atWork);
  const states = services.filter((state) => state.service !== POLLER || isPolling || isKnown(state));
  const database = databaseOf(states);
  const own = Object.fromEntries(states.map((state) => [state.service, lineOf(state)]));
  const lines = { database, redis, ai: analysisOf(states), nats, ...own };
  const found = workers.map((definition) => workerOf(definition, services, isPolling));
  const vital = [database, redis, nats];
  const runs = (name: string): boolean => found.some((one) => one.name === name && one.running);
  const isLost = vital.some(({ status }) => status === 'unhealthy');
  const isSound = Object.values(lines).every(isWell);
  return {
    status: isLost ? 'unhealthy' : isSound ? 'healthy' : 'degraded',
    services: lines,
    workers: found,
    ready: !isLost && isWell(redis) && isWell(nats) && runs(DETECTION) && runs(ANALYSIS),
  };
}

/** A service without the replicas that were never ready yet: nobody asks them. Where there are no others, they are all there is. */
function atWork(state: ServiceState): ServiceState {
  const answers = state.answers.filter(({ isStarting }) => !isStarting);
  return answers.length > 0 ? { ...state, answers } : state;
}

const isKnown = ({ answers, silent }: ServiceState): boolean => answers.length + silent > 0;

/** What all who know the database say of it: the worst. A service some of whose replicas reach it has it; that the others do not makes it degraded. */
function databaseOf(states: ServiceState[]): Line {
  const found = worst(
    states.flatMap((state): Found[] => {
      const said = checksOf(state, 'database');
      const least = worst(said);
      if (least?.status !== 'unhealthy' || said.every(({ status }) => status === 'unhealthy'))
        return least ? [least] : [];
      return [{ ...least, status: 'degraded' }];
    }),
  );
  return found
    ? { status: found.status, message: found.message, details: null }
    : { status: 'unhealthy', message: 'no service that knows the database answers', details: null };
}

/** A replica that does not answer makes its service degraded: others do its work, and some questions are left without an answer. */
function lineOf({ service, answers, silent }: ServiceState): Line {
  if (answers.length === 0) return { status: 'unhealthy', message: `${service} does not answer`, details: null };
  const checks = answers.flatMap((answer) => answer.checks);
  const names = [...new Set(checks.map(({ name }) => name))];
  const details = Object.fromEntries(names.map((name) => [name, statusOf(checks, name)]));
  const ill = names.filter((name) => details[name] !== 'healthy');
  const said = worst(answers)?.status ?? 'unhealthy';
  const status = said === 'healthy' && silent > 0 ? 'degraded' : said;
  const parts = ill.length > 0 ? `: ${ill.join(', ')}` : '';
  const message = silent > 0 ? missing({ service, answers, silent }) : `${service} is ${status}${parts}`;
  return { status, message, details };
}

const missing = ({ service, answers, silent }: ServiceState): string =>
  `${silent} of ${answers.length + silent} replicas of ${service} ${silent === 1 ? 'does' : 'do'} not answer`;

const statusOf = (checks: HealthCheck[], name: string): HealthStatus =>
  worst(checks.filter((check) => check.name === name))?.status ?? 'unhealthy';

/** Whoever judges alerts, scores them and hands them over to be told. */
function analysisOf(states: ServiceState[]): Line {
  const state = states.find(({ service }) => service === 'alerting');
  if (!state || state.answers.length === 0)
    return { status: 'unhealthy', message: 'alerts are not judged: alerting does not answer', details: null };
  const checks = state.answers.flatMap((answer) => answer.checks);
  const parts = Object.entries(analysis).map(([part, check]) => [part, statusOf(checks, check)] as const);
  const status = lineOf(state).status;
  const ill = parts.filter(([, found]) => found !== 'healthy').map(([part]) => part);
  const message =
    ill.length > 0
      ? `not well: ${ill.join(', ')}`
      : isWell({ status })
        ? 'Alerts are judged and told'
        : lineOf(state).message;
  return { status, message, details: Object.fromEntries(parts) };
}

/**
 * A worker runs where somebody answers for it and nobody says that it hangs. One hung loop counts although another replica is well, because a
 * process that lives keeps its leases, and nobody takes over what it does not do. A replica that is silent loses its leases: others do its work.
 */
function workerOf({ name, places }: WorkerDefinition, services: ServiceState[], isPolling: boolean): WorkerState {
  const place = placeOf(places, services);
  const state = services.find(({ service }) => service === place.service);
  if (!state || state.answers.length === 0) {
    const idle = name === POLLER && !isPolling && !(state && isKnown(state));
    return { name, running: false, message: idle ? 'there is nothing to poll' : `${place.service} does not answer` };
  }
  const found = worst(place.checks.flatMap((check) => checksOf(state, check)));
  if (!found) return { name, running: false, message: `${place.service} does not tell` };
  const silent = state.silent > 0 ? missing(state) : null;
  return { name, running: found.status !== 'unhealthy', message: isWell(found) ? silent : found.message };
}

/** The first place that knows the worker, or cannot be asked whether it does. */
function placeOf(places: WorkerDefinition['places'], services: ServiceState[]): WorkerDefinition['places'][number] {
  const knows = (place: WorkerDefinition['places'][number]): boolean => {
    const state = services.find(({ service }) => service === place.service);
    return !state || state.answers.length === 0 || place.checks.some((check) => checksOf(state, check).length > 0);
  };
  return places.find(knows) ?? (places.at(-1) as WorkerDefinition['places'][number]);
}

const checksOf = ({ answers }: ServiceState, name: string): Found[] =>
  answers.flatMap(({ checks }) => checks.filter((check) => check.name === name));
