import type { IContainer } from 'kubernetes-models/v1';
import { once } from 'node:events';
import { connect } from 'node:net';
import { portOf } from './objects.js';
import type { ContainerProcess } from './process.js';

/** A probe of a container. */
export type Probe = NonNullable<IContainer['livenessProbe']>;

/** What a probe, or a `preStop`, is directed at. */
export interface Target {
  container: IContainer;
  process: ContainerProcess;
  address: string;
}

type Action = Pick<Probe, 'httpGet' | 'tcpSocket' | 'exec'>;

/** Asks once, as the kubelet does. Gives what was wrong; undefined when all is well. */
export async function ask(
  action: Action,
  { container, process, address }: Target,
  ms: number,
): Promise<string | undefined> {
  const { httpGet, tcpSocket, exec } = action;
  if (httpGet) {
    const place = `${httpGet.host ?? address}:${portOf([container], httpGet.port)}`;
    const url = `${(httpGet.scheme ?? 'HTTP').toLowerCase()}://${place}${httpGet.path ?? '/'}`;
    const given = (httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value] as [string, string]);
    const headers = { 'user-agent': 'kube-probe/1.34', connection: 'close', ...Object.fromEntries(given) };
    try {
      const answer = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(ms) });
      const text = await answer.text();
      return answer.status < 400 ? undefined : `${url} is answered with ${answer.status}: ${text.slice(0, 300)}`;
    } catch (error) {
      return `${url}: ${wordsOf(error)}`;
    }
  }
  if (tcpSocket) {
    const socket = connect(portOf([container], tcpSocket.port), tcpSocket.host ?? address);
    try {
      await once(socket, 'connect', { signal: AbortSignal.timeout(ms) });
      return undefined;
    } catch (error) {
      return String(error);
    } finally {
      socket.destroy();
    }
  }
  if (!exec?.command) throw new Error(`${container.name}: this test's node knows no such probe`);
  const code = await process.execute(exec.command, ms);
  return code === 0 ? undefined : `${exec.command.join(' ')} ended with ${code ?? 'no code: it took too long'}`;
}

/** An error of fetch says little; what it comes of says more. */
function wordsOf(error: unknown): string {
  const { cause } = error as Error;
  return cause instanceof Error ? cause.message : String(error);
}

/** Asks again and again, and says when that what it asks about is so, or is no longer so. */
export class Prober {
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #row = 0;
  #last: boolean | undefined;
  /** What was wrong when it asked last. */
  complaint: string | undefined;
  /** How often it asked. */
  asked = 0;

  /**
   * @param speedUp by how much it asks more often than the manifest says. How long it waits for an answer stays, and so does the time
   * after which failures count.
   * @param tell is told once the threshold of the manifest is reached, either way.
   */
  constructor(
    private readonly probe: Probe,
    private readonly target: Target,
    private readonly speedUp: number,
    private readonly tell: (isWell: boolean) => void,
  ) {}

  /** Begins, after the delay that the manifest says. */
  start(): this {
    this.#timer = setTimeout(() => void this.#turn(), (this.probe.initialDelaySeconds ?? 0) * 1000);
    return this;
  }

  /** Ends it. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #turn(): Promise<void> {
    this.complaint = await ask(this.probe, this.target, (this.probe.timeoutSeconds ?? 1) * 1000);
    this.asked++;
    if (this.#stopped) return;
    const isWell = this.complaint === undefined;
    this.#row = isWell === this.#last ? this.#row + 1 : 1;
    this.#last = isWell;
    const wanted = isWell ? (this.probe.successThreshold ?? 1) : (this.probe.failureThreshold ?? 3) * this.speedUp;
    if (this.#row === wanted) this.tell(isWell);
    const pause = ((this.probe.periodSeconds ?? 10) * 1000) / this.speedUp;
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#turn(), pause);
  }
}
