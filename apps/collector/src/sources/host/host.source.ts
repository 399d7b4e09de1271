import { HostFigures, type HostPart } from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { AnyPartReader } from '../source.js';

type Reading = {
  reader: AnyPartReader;
  value: HostFigures[HostPart];
  at: number;
  startedAt: number;
  running: boolean;
  failing: boolean;
  enabled: boolean;
};

const fresh = (reader: AnyPartReader): Reading => ({
  reader,
  value: reader.empty,
  at: Number.NEGATIVE_INFINITY,
  startedAt: Number.NEGATIVE_INFINITY,
  running: false,
  failing: false,
  enabled: true,
});

/** How long a sample waits for the parts that are being read; what takes longer comes with a later sample. */
const GRACE_MS = 500;

/** A host's figures, and which of them are older than they should be. */
export type HostReading = HostFigures & { stale: HostPart[] };

/**
 * Reads a host in parts, each at its own pace and within its own limit. A part that is slow or fails keeps its last
 * figures, is marked stale, and never delays the others.
 */
export class HostSource {
  readonly #log = createLogger('collector', 'host source');
  readonly #readings: Reading[];

  constructor(readers: AnyPartReader[]) {
    this.#readings = readers.map(fresh);
  }

  /** The parts that are read; the others have no figures. */
  get enabled(): HostPart[] {
    return this.#readings.filter(({ enabled }) => enabled).map(({ reader }) => reader.part);
  }

  /** Chooses which parts are read from now on. */
  enable(parts: readonly HostPart[]): void {
    for (const reading of this.#readings) {
      const enabled = parts.includes(reading.reader.part);
      if (enabled === reading.enabled) continue;
      Object.assign(reading, fresh(reading.reader), { enabled, running: reading.running });
    }
  }

  /** Reads what is due and gives the whole. */
  async read(): Promise<HostReading> {
    const now = performance.now();
    // A tenth of tolerance, so that a part with the same pace as the samples is read with each and not with every second.
    const due = this.#readings.filter(
      (it) => it.enabled && !it.running && now - it.startedAt >= it.reader.everyMs * 0.9,
    );
    const reads = Promise.all(due.map((reading) => this.#refresh(reading, now)));
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([reads, new Promise((resolve) => (timer = setTimeout(resolve, GRACE_MS)))]);
    clearTimeout(timer);
    const figures = Object.fromEntries(this.#readings.map(({ reader, value }) => [reader.part, value])) as HostFigures;
    return { ...figures, stale: this.#readings.filter((reading) => isStale(reading)).map(({ reader }) => reader.part) };
  }

  async #refresh(reading: Reading, now: number): Promise<void> {
    const { reader } = reading;
    reading.startedAt = now;
    reading.running = true;
    const reads = reader.read().finally(() => (reading.running = false));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`took longer than ${reader.limitMs} ms`)), reader.limitMs);
    });
    try {
      // What does not follow the contract stays here: one odd figure must not cost the whole sample.
      const value = HostFigures.shape[reader.part].parse(await Promise.race([reads, late]));
      // What was switched off while it was read stays empty.
      if (!reading.enabled) return;
      reading.value = value;
      reading.at = performance.now();
      reading.failing = false;
    } catch (error) {
      reads.catch(() => {});
      if (!reading.failing) this.#log.warn({ part: reader.part, error: describeError(error) }, 'a part cannot be read');
      reading.failing = true;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A part that fails, or whose reading is overdue. One that is read for the first time has that time, too. */
function isStale({ reader, at, startedAt, failing, enabled }: Reading): boolean {
  if (!enabled) return false;
  const since = at === Number.NEGATIVE_INFINITY ? startedAt : at;
  return failing || performance.now() - since > 2 * reader.everyMs + reader.limitMs;
}
