import type { ServiceDiagnostics } from '@lapwing/contracts';
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

const WINDOW_MS = 60_000;
const RESOLUTION_MS = 20;

let known: string | undefined;

/** The version of Lapwing. Read when it is asked for: beside an agent in one file there is no such file, and nobody asks. */
export function lapwingVersion(): string {
  known ??= (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
    .version;
  return known;
}

type Load = Pick<ServiceDiagnostics, 'cpu' | 'eventLoop'>;

/** What the whole process has of a minute, however many services live in it. */
class LoadMeter {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #usage = process.cpuUsage();
  #since = performance.now();
  /** The last whole minute; undefined in the first. */
  #last: Load | undefined;

  constructor() {
    this.#delays.enable();
    setInterval(() => this.#turn(), WINDOW_MS).unref();
  }

  get load(): Load {
    return this.#last ?? this.#measure();
  }

  #measure(): Load {
    const { user, system } = process.cpuUsage(this.#usage);
    const elapsedMs = Math.max(performance.now() - this.#since, 1);
    // The timer itself takes the resolution; what goes beyond is late.
    const lateMs = (ns: number): number => round(Math.max((ns || 0) / 1e6 - RESOLUTION_MS, 0));
    const { mean, max } = this.#delays;
    return {
      cpu: round((user + system) / 10 / elapsedMs),
      eventLoop: { mean: lateMs(mean), p99: lateMs(this.#delays.percentile(99)), max: lateMs(max) },
    };
  }

  #turn(): void {
    this.#last = this.#measure();
    this.#delays.reset();
    this.#usage = process.cpuUsage();
    this.#since = performance.now();
  }
}

const round = (value: number): number => Math.round(value * 100) / 100;

let meter: LoadMeter | undefined;

/** Begins to measure how busy the process is; harmless to call again. */
export function measureLoad(): void {
  meter ??= new LoadMeter();
}

/** The version, how long the process has run, and how busy it is. */
export function processFacts(): Pick<ServiceDiagnostics, 'version' | 'node' | 'uptime' | 'memory'> & Load {
  measureLoad();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const load = meter?.load ?? { cpu: 0, eventLoop: { mean: 0, p99: 0, max: 0 } };
  return {
    version: lapwingVersion(),
    node: process.version,
    uptime: round(process.uptime()),
    memory: { rss, heapUsed, heapTotal, external },
    ...load,
  };
}
