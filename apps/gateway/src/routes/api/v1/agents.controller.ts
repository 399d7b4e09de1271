import { Bus } from '@lapwing/bus';
import {
  AgentId,
  agentCreate,
  agentDelete,
  agentGet,
  agentList,
  agentRevoke,
  type Actor,
  type Agent,
} from '@lapwing/contracts';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../../config.js';
import { Audits, Requires } from '../../../http/access.js';
import { Answers, isoTime } from '../../../http/answer.js';
import { baseUrlOf, httpFlag } from '../../../http/base-url.js';
import { By } from '../../../http/caller.js';
import { isoSeconds } from '../../../http/query.js';
import { AgentDetail, AgentView, toAgentDetail, toAgentView } from './agents.view.js';

/** An agent's id in a path. */
export const AgentParam = z.object({ id: AgentId });
const NewAgent = z.object({
  id: AgentId,
  name: z
    .string()
    .trim()
    .min(1)
    .max(128)
    .regex(/^\P{Cc}*$/u, 'no control characters'),
});
const Agents = z.object({ agents: z.array(AgentView) });
const Created = AgentView.extend({
  enrollment_token: z.string().describe('good for one enrolment; shown here only'),
  enrollment_expires_at: isoTime,
  command: z.string().describe('what to run on the host, as root'),
});

/** What is told about an agent to whoever looks at the audit trail. */
export const agentFact = (action: string) => (request: FastifyRequest) => ({
  type: 'agent',
  action,
  target: String((request.params as { id?: unknown }).id ?? (request.body as { id?: unknown }).id),
});

/** Tyto's agents. */
@Controller('api/v1/agents')
export class AgentsController {
  constructor(
    private readonly bus: Bus,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  @Get()
  @Requires('agents:view')
  @Answers('All registered agents', Agents)
  async list(): Promise<z.infer<typeof Agents>> {
    const all: Agent[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page: { agents: Agent[]; next: string | null } = await this.bus.request(agentList, { after });
      all.push(...page.agents);
      after = page.next;
    }
    return { agents: all.map(toAgentView) };
  }

  @Post()
  @Requires('agents:manage')
  @Audits(agentFact('added'))
  @Answers('Adds an agent by hand, with a token for its enrolment', Created, [201])
  async create(
    @Body({ schema: NewAgent }) draft: z.infer<typeof NewAgent>,
    @By() actor: Actor,
    @Req() request: FastifyRequest,
  ): Promise<z.infer<typeof Created>> {
    const url = baseUrlOf(request, this.config.LAPWING_PUBLIC_URL);
    const { agent, enrollmentToken: token, expiresAt } = await this.bus.request(agentCreate, { actor, ...draft });
    return {
      ...toAgentView(agent),
      enrollment_token: token,
      enrollment_expires_at: isoSeconds(expiresAt),
      // The token goes by the environment, which sudo does not log and others cannot list.
      command: `curl -fsSL '${url}/install-agent.sh' | LAPWING_ENROLLMENT_TOKEN='${token}' sudo --preserve-env=LAPWING_ENROLLMENT_TOKEN bash -s -- --url '${url}' --agent-id '${agent.id}'${httpFlag(url)}`,
    };
  }

  @Get(':id')
  @Requires('agents:view')
  @Answers('One agent, with its settings and what it runs', AgentDetail)
  async get(@Param({ schema: AgentParam }) { id }: z.infer<typeof AgentParam>): Promise<z.infer<typeof AgentDetail>> {
    return toAgentDetail(await this.bus.request(agentGet, { id }));
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('agents:manage')
  @Audits(agentFact('deleted'))
  @Answers('Ends an agent and forgets it; its history stays', z.undefined(), [204])
  async delete(@Param({ schema: AgentParam }) { id }: z.infer<typeof AgentParam>, @By() actor: Actor): Promise<void> {
    await this.bus.request(agentDelete, { actor, id });
  }

  @Post(':id/revoke')
  @HttpCode(200)
  @Requires('agents:manage')
  @Audits(agentFact('revoked'))
  @Answers('Makes the credentials of an agent void, at once', AgentView)
  async revoke(
    @Param({ schema: AgentParam }) { id }: z.infer<typeof AgentParam>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof AgentView>> {
    return toAgentView(await this.bus.request(agentRevoke, { actor, id }));
  }
}
