import { existsSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';

/** What the engine tells of a container's use, as far as it is needed. */
export interface ContainerStats {
  cpu_stats?: { cpu_usage?: { total_usage?: number }; system_cpu_usage?: number; online_cpus?: number };
  memory_stats?: { usage?: number; limit?: number; stats?: { inactive_file?: number; total_inactive_file?: number } };
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

const AT_ONCE = 4;
/** Silence, and all of an answer. */
const CALL_MS = 3000;
const ANSWER_MS = 10_000;
const MAX_ANSWER = 8 * 2 ** 20;

const MAX_FAULT = 2 ** 16;

/** The engine answers, but not with what it was asked for. */
export class EngineFault extends Error {
  constructor(
    readonly status: number,
    /** What it says about that, as far as it could be read. */
    readonly reason: string,
  ) {
    super(`the Docker engine answers ${status}`);
  }
}

/** Asks the Docker engine over its socket; only ever with GET. Source: Docker Engine API v1.41. */
export class DockerEngine {
  #before = new Map<string, ContainerStats>();
  #now = new Map<string, ContainerStats>();

  constructor(private readonly socket: string) {}

  /** Whether there is a socket. */
  get exists(): boolean {
    return existsSync(this.socket);
  }

  /** Reads something of each container, a few at a time, and remembers their use for the next time. */
  async each<T, R>(containers: T[], read: (container: T) => Promise<R>): Promise<R[]> {
    const results: R[] = [];
    const queue = [...containers];
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) results.push(await read(next));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    this.#before = this.#now;
    this.#now = new Map();
    return results;
  }

  /** What a running container uses, since the last time that it was asked about. */
  async use(id: string): Promise<{ cpu: number; memory: number; limit: number }> {
    const stats = await this.get<ContainerStats>(
      `/containers/${encodeURIComponent(id)}/stats?stream=false&one-shot=true`,
    );
    this.#now.set(id, stats);
    return {
      cpu: cpuOf(stats, this.#before.get(id)),
      memory: memoryOf(stats),
      limit: stats.memory_stats?.limit ?? 0,
    };
  }

  /** The answer to a path of the engine's API. */
  get<T>(path: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: this.socket, path, method: 'GET', timeout: CALL_MS }, (response) => {
        // An engine that is stopped in the middle of an answer ends it without an end.
        response.on('error', reject);
        response.on('close', () => {
          if (!response.complete) reject(new Error('the Docker engine hung up'));
        });
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MAX_ANSWER) call.destroy(new Error('the Docker engine answers too much'));
        });
        response.on('end', () => {
          if (response.statusCode !== 200)
            return reject(new EngineFault(response.statusCode ?? 0, text.slice(0, MAX_FAULT)));
          try {
            resolve(JSON.parse(text) as T);
          } catch (error) {
            reject(error instanceof Error ? error : new Error('bad answer'));
          }
        });
      });
      const timer = setTimeout(() => call.destroy(new Error('the Docker engine takes too long')), ANSWER_MS);
      call.on('close', () => clearTimeout(timer));
      call.on('timeout', () => call.destroy(new Error('the Docker engine does not answer')));
      call.on('error', reject);
      call.end();
    });
  }

  /**
   * An answer that goes on for as long as it likes, once it has begun; whoever takes it must destroy it. Throws {@link EngineFault} for another answer
   * than 200.
   */
  stream(path: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: this.socket, path, method: 'GET' }, (response) => {
        if (response.statusCode === 200) {
          clearTimeout(timer);
          resolve(response);
          return;
        }
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text = (text + chunk).slice(0, MAX_FAULT);
        });
        response.on('error', reject);
        response.on('close', () => reject(new EngineFault(response.statusCode ?? 0, text)));
      });
      const timer = setTimeout(() => call.destroy(new Error('the Docker engine does not answer')), ANSWER_MS);
      call.on('close', () => clearTimeout(timer));
      call.on('error', reject);
      call.end();
    });
  }
}
