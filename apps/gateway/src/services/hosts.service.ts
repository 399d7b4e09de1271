import { Bus } from '@lapwing/bus';
import { LapwingError, agentGet, latestSampleGet, type HostSample } from '@lapwing/contracts';
import { LiveFeedService } from './live-feed.service.js';

/** Finds the host that a request is about, and its newest sample. */
export class HostsService {
  constructor(
    private readonly bus: Bus,
    private readonly feed: LiveFeedService,
    private readonly localAgent: string,
  ) {}

  /**
   * The agent that is meant: the one named, else that of this machine, else the only one there is.
   * @throws LapwingError `NOT_FOUND` when the one named was never heard.
   */
  async resolve(agentId: string | undefined): Promise<string> {
    if (agentId !== undefined) {
      if (!this.feed.latest(agentId)) await this.#known(agentId);
      return agentId;
    }
    const [only, ...others] = this.feed.agents();
    if (this.feed.latest(this.localAgent) || only === undefined || others.length > 0) return this.localAgent;
    return only;
  }

  /**
   * The agent that a command is for. Unlike what can be read, which outlives an agent, it must be registered.
   * @throws LapwingError `NOT_FOUND`.
   */
  async forCommand(agentId: string | undefined): Promise<string> {
    if (agentId === undefined) return this.resolve(undefined);
    if (!this.feed.latest(agentId)) await this.bus.request(agentGet, { id: agentId });
    return agentId;
  }

  /** The newest sample of the host that is meant; `UNAVAILABLE` when its first is still to come. */
  async latest(agentId: string | undefined): Promise<{ agentId: string; sample: HostSample }> {
    const id = await this.resolve(agentId);
    const sample = this.feed.latest(id);
    return sample ? { agentId: id, sample } : this.#stored(id);
  }

  /** The newest samples of all hosts, or of one. */
  async all(agentId: string | undefined): Promise<{ agentId: string; sample: HostSample }[]> {
    if (agentId !== undefined) return [await this.latest(agentId)];
    return this.feed.agents().flatMap((id) => {
      const sample = this.feed.latest(id);
      return sample ? [{ agentId: id, sample }] : [];
    });
  }

  /** Whether samples of an agent are stored, or it is registered and its first is still to come. */
  async #known(agentId: string): Promise<void> {
    if (await this.bus.request(latestSampleGet, { agentId })) return;
    await this.bus.request(agentGet, { id: agentId });
  }

  /** When the bus no longer holds a sample of the host, the database may. */
  async #stored(agentId: string): Promise<{ agentId: string; sample: HostSample }> {
    const stored = await this.bus.request(latestSampleGet, { agentId });
    if (stored) return stored;
    if (agentId === this.localAgent)
      throw new LapwingError('UNAVAILABLE', 'the first sample of this host is still to come');
    throw new LapwingError('NOT_FOUND', `no agent "${agentId}"`, { agent_id: agentId });
  }
}
