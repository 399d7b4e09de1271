import { OnInquiry, OnRequest } from '@lapwing/bus';
import {
  agentConfigure,
  agentCreate,
  agentDelete,
  agentGet,
  agentList,
  agentRevoke,
  agentSettingsGet,
  stateGet,
  type InputOf,
  type OutputOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { AgentsService } from '../services/agents.service.js';
import { StateService } from '../services/state.service.js';

/** Answers questions about agents, and carries out what is to be done with them. */
@Injectable()
export class AgentsHandler {
  constructor(
    private readonly agents: AgentsService,
    private readonly state: StateService,
  ) {}

  @OnRequest(agentList)
  async list({ after, limit }: InputOf<typeof agentList>): Promise<OutputOf<typeof agentList>> {
    const agents = await this.agents.page(after, limit);
    return { agents, next: agents.length < limit ? null : (agents.at(-1)?.id ?? null) };
  }

  @OnRequest(agentGet)
  get({ id }: InputOf<typeof agentGet>): Promise<OutputOf<typeof agentGet>> {
    return this.agents.get(id);
  }

  @OnRequest(agentCreate)
  create({ id, name }: InputOf<typeof agentCreate>): Promise<OutputOf<typeof agentCreate>> {
    return this.agents.create(id, name);
  }

  @OnRequest(agentDelete)
  async delete({ id }: InputOf<typeof agentDelete>): Promise<OutputOf<typeof agentDelete>> {
    await this.agents.delete(id);
    return {};
  }

  @OnRequest(agentRevoke)
  revoke({ id }: InputOf<typeof agentRevoke>): Promise<OutputOf<typeof agentRevoke>> {
    return this.agents.revoke(id);
  }

  @OnRequest(agentConfigure)
  configure({ id, override }: InputOf<typeof agentConfigure>): Promise<OutputOf<typeof agentConfigure>> {
    return this.agents.configure(id, override);
  }

  @OnRequest(stateGet)
  readState({ after }: InputOf<typeof stateGet>): Promise<OutputOf<typeof stateGet>> {
    return this.state.page(after);
  }

  @OnInquiry(agentSettingsGet)
  settings(_: InputOf<typeof agentSettingsGet>, agentId: string): Promise<OutputOf<typeof agentSettingsGet>> {
    return this.agents.settingsOf(agentId);
  }
}
