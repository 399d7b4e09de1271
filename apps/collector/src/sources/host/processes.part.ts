import type { PartOf, PartReader, Processes } from '../source.js';

const TOP = 10;

/** Reads the busiest processes. */
export class ProcessesReader implements PartReader<'processes'> {
  readonly part = 'processes';
  readonly everyMs = 0;
  readonly limitMs = 3000;
  readonly empty: PartOf<'processes'> = { topByCpu: [], topByMemory: [], total: 0 };

  constructor(private readonly table: Processes) {}

  async read(): Promise<PartOf<'processes'>> {
    await this.table.scan();
    return {
      topByCpu: this.table.top('cpu', TOP),
      topByMemory: this.table.top('memory', TOP),
      total: this.table.total,
    };
  }
}
