import type { Bus, Gathering } from '@lapwing/bus';
import { answering, serviceStopped, type RequestContract, type healthGet } from '@lapwing/contracts';
import type { OnApplicationBootstrap } from '@nestjs/common';
import type { z } from 'zod';
import { Replicas, type Answering } from '../domain/replicas.js';

/** How long whoever is new may take to answer beside those who are known. */
const NEWCOMERS_MS = 100;
/** How often newcomers are waited for. */
const CENSUS_MS = 10_000;

/** What the replicas of a service answered. */
export interface Answers<T> {
  service: string;
  answers: T[];
  /** How many more there are that do not answer. */
  silent: number;
}

/** A request without a question, which every replica answers. */
type OfAll<T extends Answering> = RequestContract<ReturnType<typeof healthGet>['input'], z.ZodType<T>>;

/** Asks all replicas of all services at once, and misses those that answered before and do not now. */
export class CensusService implements OnApplicationBootstrap {
  readonly #replicas = new Map(answering.map((service) => [service as string, new Replicas()]));
  #countedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly bus: Bus) {}

  onApplicationBootstrap(): void {
    this.bus.listen(serviceStopped, '*', ({ service, instance }) =>
      this.#replicas.get(service)?.stopped(instance, Date.now()),
    );
  }

  /**
   * Asks everybody, side by side. While the bus is away nobody answers.
   * @param contract the request by the name of a service.
   * @param waitMs how long whoever does not answer is waited for.
   * @param wantsAll whether newcomers are waited for in any case.
   */
  async ask<T extends Answering>(
    contract: (service: string) => OfAll<T>,
    waitMs: number,
    wantsAll = false,
  ): Promise<Answers<T>[]> {
    const now = performance.now();
    const isCensus = wantsAll || now - this.#countedAt > CENSUS_MS;
    if (isCensus) this.#countedAt = now;
    const settleMs = isCensus ? NEWCOMERS_MS : 0;
    const all = [...this.#replicas].map(async ([service, known]) => {
      const isEnough = (answers: readonly T[]): boolean => known.areAllOf(answers);
      const answers = await this.#all(contract(service), { waitMs, settleMs, isEnough });
      known.answered(answers, Date.now());
      return { service, answers, silent: known.silent(answers) };
    });
    return Promise.all(all);
  }

  async #all<T extends Answering>(contract: OfAll<T>, gathering: Gathering<T>): Promise<T[]> {
    try {
      return await this.bus.requestAll(contract, {}, gathering);
    } catch {
      return [];
    }
  }
}
