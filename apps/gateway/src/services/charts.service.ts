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

  /** The series of the named resources of a target, in pieces. Resources without a series are left out. */
  async *read(targetId: string, names: string[], question: ChartsQuestion): AsyncGenerator<Series[]> {
    for (let at = 0; at < names.length; at += MAX_CHARTED) {
      const piece = names.slice(at, at + MAX_CHARTED);
      if (this.estate.isMock) {
        await breathe();
        yield this.#mock(targetId, piece, question);
      } else yield (await this.bus.request(chartsGet, { targetId, names: piece, ...question })).series;
    }
  }

  #mock(targetId: string, names: string[], question: ChartsQuestion): Series[] {
    const { config } = this.estate.settings.mockMode;
    return names.flatMap((name) => mockSeries(config, { targetId, name, ...question }) ?? []);
  }
}
