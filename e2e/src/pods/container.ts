import type { IContainer } from 'kubernetes-models/v1';
import type { ContainerProcess, End } from './process.js';
import { Prober, ask, type Target } from './probes.js';

/** What became of a container that was stopped. */
export interface Stopped extends End {
  /** Seconds from the order to the end, `preStop` included. */
  seconds: number;
  /** Whether it had to be killed, because its grace period was over. */
  killed: boolean;
}

/** A container that runs, with its probes, as a kubelet looks after it; one that fails is not started again. */
export class RunningContainer {
  readonly #probers: Prober[] = [];
  readonly #target: Target;
  #started = false;
  #ready = false;
  #stopping = false;
  /** Why it has failed; undefined while it has not. */
  failure: string | undefined;

  constructor(
    private readonly spec: IContainer,
    readonly process: ContainerProcess,
    address: string,
    private readonly speedUp: number,
  ) {
    this.#target = { container: spec, process, address };
  }

  /** Whether its readiness probe says that it is. */
  get isReady(): boolean {
    return this.#ready && this.failure === undefined;
  }

  /** What its probes complain about, and what it printed last. */
  get story(): string {
    const complaints = this.#probers.map(({ complaint, asked }) => `asked ${asked} times: ${complaint ?? 'well'}`);
    return [this.failure ?? 'runs', ...complaints, this.process.printed.slice(-3000)].join('\n');
  }

  /** Begins to look after it. */
  watch(): void {
    void this.#awaitEnd();
    const { startupProbe } = this.spec;
    if (!startupProbe) return this.#begin();
    const prober = this.#probe(startupProbe, (isWell) => {
      prober.stop();
      if (isWell) this.#begin();
      else this.#fail('its startup probe has failed as often as it may');
    });
  }

  /** Stops it: `preStop`, SIGTERM, and SIGKILL when its time is over. */
  async stop(graceSeconds: number): Promise<Stopped> {
    const began = performance.now();
    const left = (): number => Math.max(2000, graceSeconds * 1000 - (performance.now() - began));
    this.#stopping = true;
    for (const prober of this.#probers) prober.stop();
    const { preStop } = this.spec.lifecycle ?? {};
    if (preStop?.sleep) await new Promise((resolve) => setTimeout(resolve, Number(preStop.sleep?.seconds) * 1000));
    else if (preStop) await ask(preStop, this.#target, left());
    let killed = false;
    const timer = setTimeout(() => {
      killed = true;
      this.process.signal('SIGKILL');
    }, left());
    this.process.signal('SIGTERM');
    const end = await this.process.ended();
    clearTimeout(timer);
    this.#ready = false;
    return { ...end, seconds: (performance.now() - began) / 1000, killed };
  }

  /** Ends it at once, as the loss of its machine does. */
  async remove(): Promise<void> {
    this.#stopping = true;
    for (const prober of this.#probers) prober.stop();
    this.#ready = false;
    await this.process.remove();
  }

  async #awaitEnd(): Promise<void> {
    const { code, signal } = await this.process.ended();
    if (!this.#stopping) this.#fail(`it ended by itself with ${signal ?? code}`);
  }

  #begin(): void {
    if (this.#started) return;
    this.#started = true;
    const { livenessProbe, readinessProbe } = this.spec;
    if (readinessProbe) this.#probe(readinessProbe, (isWell) => (this.#ready = isWell));
    else this.#ready = true;
    if (livenessProbe)
      this.#probe(livenessProbe, (isWell) => {
        if (!isWell) this.#fail('its liveness probe has failed as often as it may');
      });
  }

  #probe(probe: NonNullable<IContainer['livenessProbe']>, tell: (isWell: boolean) => void): Prober {
    const prober = new Prober(probe, this.#target, this.speedUp, tell);
    this.#probers.push(prober);
    return prober.start();
  }

  #fail(reason: string): void {
    this.failure ??= reason;
    this.#ready = false;
    this.process.signal('SIGKILL');
  }
}
