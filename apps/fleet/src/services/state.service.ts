import type { OutputOf, stateGet } from '@lapwing/contracts';
import { pageOf } from '../domain/pages.js';
import type { AgentStore } from '../store/agent.store.js';
import type { AgentsService } from './agents.service.js';
import type { PresenceService } from './presence.service.js';

const ROWS = 100;

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
    const found = rows.map((row) => ({
      agent: this.agents.describe(row),
      sample: this.presence.of(row.id, { lastSeenAt: null, intervalMs: undefined }).sample,
    }));
    const { page, next } = pageOf(found, ROWS, ({ agent }) => agent.id);
    return { hosts: page, next };
  }
}
