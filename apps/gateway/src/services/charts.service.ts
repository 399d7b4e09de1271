import type { Bus } from '@lapwing/bus';
import { MAX_CHARTED, chartsGet, type ChartMetric, type OutputOf, type PolledKind } from '@lapwing/contracts';
import { mockSeries } from '@lapwing/mock';
import { setImmediate as breathe } from 'node:timers/promises';
import type { EstateService } from './estate.service.js';

/** The series of one resource. */
export type Series = OutputOf<typeof chartsGet>['series'][number];

/** Which series are wanted: times in milliseconds, the step in seconds. */
export interface ChartsQuestion {
  kind: PolledKind;
  metrics: ChartMetric[];
  from: number;
  to: number;
  step: number;
}

/** Reads series of polled resources, a few dozen at a time; in mock mode makes them up. */
export class ChartsService {
  constructor(
    private readonly bus: Bus,
    private readonly estate: EstateService,
  ) {}

  /** The series of resources of a target, by name, in pieces. Resources without a series have none there. */
  async *read<T extends { name: string }>(
    targetId: string,
    resources: T[],
    question: ChartsQuestion,
  ): AsyncGenerator<{ resources: T[]; series: Map<string, Series> }> {
    for (let at = 0; at < resources.length; at += MAX_CHARTED) {
      const piece = resources.slice(at, at + MAX_CHARTED);
      const found = await this.#series(
        targetId,
        piece.map(({ name }) => name),
        question,
      );
      yield { resources: piece, series: new Map(found.map((one) => [one.name, one])) };
    }
  }

  async #series(targetId: string, names: string[], question: ChartsQuestion): Promise<Series[]> {
    if (!this.estate.isMock) return (await this.bus.request(chartsGet, { targetId, names, ...question })).series;
    await breathe();
    return this.#mock(targetId, names, question);
  }

  #mock(targetId: string, names: string[], question: ChartsQuestion): Series[] {
    const { config } = this.estate.settings.mockMode;
    return names.flatMap((name) => mockSeries(config, { targetId, name, ...question }) ?? []);
  }
}
