import type { OutputOf, stateGet } from '@lapwing/contracts';
import type { AgentStore } from '../store/agent.store.js';
import type { AgentsService } from './agents.service.js';
import type { PresenceService } from './presence.service.js';

const ROWS = 100;
const MAX_BYTES = 500_000;

/** The present state of all hosts, out of what is known in memory. */
export class StateService {
  constructor(
    private readonly store: AgentStore,
    private readonly agents: AgentsService,
    private readonly presence: PresenceService,
  ) {}

  /** The hosts after one of them, by id, as many as fit into a message. */
  async page(after: string): Promise<OutputOf<typeof stateGet>> {
    const rows = await this.store.page(after, ROWS);
    const hosts: OutputOf<typeof stateGet>['hosts'] = [];
    let bytes = 0;
    for (const row of rows) {
      const host = {
        agent: this.agents.describe(row),
        sample: this.presence.of(row.id, { lastSeenAt: null, intervalMs: undefined }).sample,
      };
      bytes += JSON.stringify(host).length;
      if (bytes > MAX_BYTES && hosts.length > 0) break;
      hosts.push(host);
    }
    const isAll = hosts.length === rows.length && rows.length < ROWS;
    return { hosts, next: isAll ? null : (hosts.at(-1)?.agent.id ?? null) };
  }
}
