import { existsSync } from 'node:fs';
import { request } from 'node:http';
import type { PartOf, PartReader } from '../source.js';

type Container = PartOf<'docker'>['containers'][number];
type Listed = { Id: string; Names: string[]; State: string };

/** What the engine tells of a container's use, as far as it is needed. */
export interface ContainerStats {
  cpu_stats?: { cpu_usage?: { total_usage?: number }; system_cpu_usage?: number; online_cpus?: number };
  memory_stats?: { usage?: number; stats?: { inactive_file?: number; total_inactive_file?: number } };
}

/** Memory that a container really holds: without the page cache that the kernel would give back first, as `docker stats` counts. */
export function memoryOf({ memory_stats: memory }: ContainerStats): number {
  const cache = memory?.stats?.inactive_file ?? memory?.stats?.total_inactive_file ?? 0;
  return Math.max((memory?.usage ?? 0) - cache, 0);
}

/** Use of the processor between two readings, percent of one core. Without an earlier one, 0. */
export function cpuOf(now: ContainerStats, before: ContainerStats | undefined): number {
  const used = (now.cpu_stats?.cpu_usage?.total_usage ?? 0) - (before?.cpu_stats?.cpu_usage?.total_usage ?? 0);
  const passed = (now.cpu_stats?.system_cpu_usage ?? 0) - (before?.cpu_stats?.system_cpu_usage ?? 0);
  if (!before || passed <= 0 || used < 0) return 0;
  return Math.round((used / passed) * (now.cpu_stats?.online_cpus ?? 1) * 10_000) / 100;
}

const MAX_CONTAINERS = 200;
const AT_ONCE = 4;
const CALL_MS = 3000;
const MAX_ANSWER = 8 * 2 ** 20;

/** Reads containers from the Docker engine over its socket; only ever asks, with GET. Source: Docker Engine API v1.41. */
export class DockerReader implements PartReader<'docker'> {
  readonly part = 'docker';
  readonly everyMs = 10_000;
  readonly limitMs = 9000;
  readonly empty: PartOf<'docker'> = { available: false, containers: [] };
  #before = new Map<string, ContainerStats>();

  constructor(private readonly socket: string) {}

  async read(): Promise<PartOf<'docker'>> {
    if (!existsSync(this.socket)) return this.empty;
    const listed = (await this.#get<Listed[]>('/containers/json?all=1')).slice(0, MAX_CONTAINERS);
    const containers: Container[] = [];
    const stats = new Map<string, ContainerStats>();
    const queue = [...listed];
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) containers.push(await this.#container(next, stats));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    this.#before = stats;
    return { available: true, containers: containers.toSorted((a, b) => a.name.localeCompare(b.name)) };
  }

  async #container({ Id, Names, State }: Listed, stats: Map<string, ContainerStats>): Promise<Container> {
    const container = { id: Id.slice(0, 12), name: Names[0]?.replace(/^\//, '') ?? Id.slice(0, 12), status: State };
    if (State !== 'running') return { ...container, cpu: 0, memory: 0 };
    try {
      const now = await this.#get<ContainerStats>(
        `/containers/${encodeURIComponent(Id)}/stats?stream=false&one-shot=true`,
      );
      stats.set(Id, now);
      return { ...container, cpu: cpuOf(now, this.#before.get(Id)), memory: memoryOf(now) };
    } catch {
      // stopped between the two questions
      return { ...container, cpu: 0, memory: 0 };
    }
  }

  #get<T>(path: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: this.socket, path, method: 'GET', timeout: CALL_MS }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MAX_ANSWER) call.destroy(new Error('the Docker engine answers too much'));
        });
        response.on('end', () => {
          if (response.statusCode !== 200) return reject(new Error(`the Docker engine answers ${response.statusCode}`));
          try {
            resolve(JSON.parse(text) as T);
          } catch (error) {
            reject(error instanceof Error ? error : new Error('bad answer'));
          }
        });
      });
      call.on('timeout', () => call.destroy(new Error('the Docker engine does not answer')));
      call.on('error', reject);
      call.end();
    });
  }
}
