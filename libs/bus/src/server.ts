import type { EventContract } from '@lapwing/contracts';
import type { OnApplicationBootstrap, OnModuleDestroy, Provider, Type } from '@nestjs/common';
import type { Bus } from './bus.js';
import { Bus as BusToken } from './bus.js';
import type { BusOptions } from './connection.js';
import { EventConsumer } from './consumer.js';
import { bindingsOf, type Binding } from './decorators.js';
import type { Ground } from './ground.js';

type AnyMethod = (...payload: unknown[]) => Promise<never>;

/**
 * Binds the decorated methods of the handlers to the bus, and unbinds them before the service stops. Nothing is asked and nothing is handed over
 * before the ground is ready: until then other replicas get it.
 */
export class BusServer implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #consumers: EventConsumer<EventContract>[] = [];
  #isOver = false;

  constructor(
    private readonly bus: Bus,
    private readonly handlers: object[],
    private readonly ground?: Ground,
  ) {}

  onApplicationBootstrap(): void {
    const bind = (isNews: boolean): void => {
      for (const handler of this.handlers)
        for (const binding of bindingsOf(handler))
          if ((binding.kind === 'news') === isNews) this.#bind(handler, binding);
    };
    bind(true);
    if (!this.ground) return bind(false);
    this.ground.whenReady(() => {
      if (!this.#isOver) bind(false);
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.#isOver = true;
    await Promise.all([this.bus.stopAnswering(), ...this.#consumers.map((consumer) => consumer.stop())]);
  }

  #bind(handler: object, binding: Binding): void {
    const call = ((...payload: unknown[]) =>
      (handler as Record<string, AnyMethod>)[binding.method]?.(...payload)) as AnyMethod;
    if (binding.kind === 'request') this.bus.respond(binding.contract, call);
    if (binding.kind === 'inquiry') this.bus.respondToAgents(binding.contract, call);
    if (binding.kind === 'command') this.bus.respondAs(binding.contract, this.#agent(binding), call);
    if (binding.kind === 'news') {
      const key = binding.about === 'agent' ? this.#agent(binding) : '*';
      this.bus.listen(binding.contract, key, (payload) => void call(payload));
    }
    if (binding.kind === 'event') {
      const consumer = new EventConsumer(this.bus, binding.contract, binding.options, call);
      this.#consumers.push(consumer);
      consumer.start();
    }
  }

  #agent(binding: Binding): string {
    const agentId = this.bus.options.agent?.id;
    if (!agentId) throw new Error(`${binding.contract.name} is meant for an agent, and this service is none`);
    return agentId;
  }
}

/** What a service tells about its place on the bus. */
export interface BusSetup extends BusOptions {
  /** Classes whose decorated methods hear and answer. */
  handlers: Type[];
  /** The provider without which they cannot work; they begin at once where it is left out. */
  ground?: Type<Ground>;
}

/** The providers that give a service its bus: `Bus`, the handlers, and what binds them. */
export function busProviders(setup: BusSetup): Provider[] {
  return [
    ...setup.handlers,
    { provide: BusToken, useFactory: () => new BusToken(setup) },
    {
      provide: BusServer,
      useFactory: (bus: Bus, ground: Ground | undefined, ...handlers: object[]) => new BusServer(bus, handlers, ground),
      inject: [BusToken, setup.ground ?? { token: 'no ground', optional: true }, ...setup.handlers],
    },
  ];
}
