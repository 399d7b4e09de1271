import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  agentInspect,
  agentList,
  agentRevert,
  agentUpdate,
  type Agent,
  type AgentFigures,
} from '@lapwing/contracts';
import { isOlder } from '../domain/rollout.js';

/** So many agents are spoken to at the same time. */
const AT_ONCE = 20;

/** An agent that runs an older version. */
export interface OlderAgent {
  id: string;
  version: string;
  status: Agent['status'];
}

/** What came of an order: it was taken, it is not known, or why it was not. */
export type Outcome = 'taken' | 'unknown' | { refused: string };

/** The agents, as a roll-out speaks to them. */
export class Fleet {
  constructor(private readonly bus: Bus) {}

  /** The registered agents that run an older version, and may be spoken to. Errors as those of the bus. */
  async olderThan(version: string): Promise<OlderAgent[]> {
    const found: OlderAgent[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page: { agents: Agent[]; next: string | null } = await this.bus.request(agentList, { after });
      for (const { id, version: own, status } of page.agents)
        if (isKnown(status) && isOlder(own, version)) found.push({ id, version: own, status });
      after = page.next;
    }
    return found;
  }

  /** What an agent says of itself; undefined when it does not answer. */
  async inspect(agentId: string): Promise<AgentFigures | undefined> {
    try {
      return await this.bus.command(agentInspect, agentId, {});
    } catch {
      return undefined;
    }
  }

  /** Tells an agent to update. */
  update(agentId: string, statement: string): Promise<Outcome> {
    return outcomeOf(this.bus.command(agentUpdate, agentId, { statement }));
  }

  /** Tells an agent to go back. */
  revert(agentId: string): Promise<Outcome> {
    return outcomeOf(this.bus.command(agentRevert, agentId, {}));
  }
}

const isKnown = (status: Agent['status']): boolean => status === 'online' || status === 'stale' || status === 'offline';

async function outcomeOf(order: Promise<unknown>): Promise<Outcome> {
  try {
    await order;
    return 'taken';
  } catch (error) {
    if (!(error instanceof LapwingError)) throw error;
    if (error.code === 'TIMEOUT' || error.code === 'UNAVAILABLE') return 'unknown';
    return { refused: error.message };
  }
}

/** Does the same for each, for a few at the same time. */
export async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
