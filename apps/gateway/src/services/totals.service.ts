import type { Bus } from '@lapwing/bus';
import { agentList, dockerhostList, nodeList, rowsCount, type RowCount } from '@lapwing/contracts';

const FRESH_MS = 10_000;
/** Pages of a list that are read at most. */
const MAX_PAGES = 200;

/** How much there is of what. */
export interface Rows {
  incidents: RowCount;
  alerts: RowCount;
  gpuSamples: RowCount;
  logLines: RowCount;
}

/** Counts what is watched and what is kept, as of ten seconds ago at most. */
export class TotalsService {
  readonly #known = new Map<string, { value: Promise<unknown>; until: number }>();

  constructor(private readonly bus: Bus) {}

  /** Agents, configured nodes and Docker hosts. Throws `UNAVAILABLE` when that cannot be told. */
  sources(): Promise<number> {
    return this.#remembered('sources', () => this.#countSources());
  }

  /** Incidents and alerts. Errors as those of {@link sources}. */
  alerts(): Promise<Pick<Rows, 'incidents' | 'alerts'>> {
    return this.#remembered('alerts', async () => {
      const { tables } = await this.bus.request(rowsCount('alerting'), {});
      return { incidents: of(tables, 'incidents'), alerts: of(tables, 'alerts') };
    });
  }

  /** All rows that storage tells of. Errors as those of {@link sources}. */
  async rows(): Promise<Rows> {
    const [alerts, metrics, logs] = await Promise.all([
      this.alerts(),
      this.#remembered('metrics', () => this.bus.request(rowsCount('metrics-store'), {})),
      this.#remembered('logs', () => this.bus.request(rowsCount('log-store'), {})),
    ]);
    return { ...alerts, gpuSamples: of(metrics.tables, 'gpuSamples'), logLines: of(logs.tables, 'logLines') };
  }

  /** Asked by many at once it asks once. */
  #remembered<T>(name: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#known.get(name);
    if (known && known.until > Date.now()) return known.value as Promise<T>;
    const value = ask();
    const entry = { value, until: Date.now() + FRESH_MS };
    this.#known.set(name, entry);
    value.catch(() => this.#known.get(name) === entry && this.#known.delete(name));
    return value;
  }

  async #countSources(): Promise<number> {
    const [agents, hosts, { nodes }] = await Promise.all([
      this.#countPages(async (after) => {
        const page = await this.bus.request(agentList, { after });
        return { count: page.agents.length, next: page.next };
      }),
      this.#countPages(async (after) => {
        const page = await this.bus.request(dockerhostList, { after });
        return { count: page.hosts.length, next: page.next };
      }),
      this.bus.request(nodeList, {}),
    ]);
    return agents + hosts + nodes.length;
  }

  async #countPages(page: (after: string) => Promise<{ count: number; next: string | null }>): Promise<number> {
    let sum = 0;
    let after: string | null = '';
    for (let read = 0; after !== null && read < MAX_PAGES; read++) {
      const { count, next }: { count: number; next: string | null } = await page(after);
      sum += count;
      after = next;
    }
    return sum;
  }
}

function of(tables: Record<string, RowCount>, name: string): RowCount {
  return tables[name] ?? { rows: 0, isEstimate: false };
}
