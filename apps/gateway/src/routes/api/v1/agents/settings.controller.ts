import { Bus } from '@lapwing/bus';
import { AgentOverride, agentConfigure, type Actor } from '@lapwing/contracts';
import { Body, Controller, Param, Patch } from '@nestjs/common';
import { z } from 'zod';
import { Audits, Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { By } from '../../../../http/caller.js';
import { AgentParam } from '../agents.controller.js';
import { AgentDetail, toAgentDetail } from '../agents.view.js';

const Changes = AgentOverride.strict().refine((changes) => Object.keys(changes).length > 0, {
  error: 'at least one of refreshInterval, sources, logSources; null takes the agent back to what holds for all',
});

/** What is set for one agent alone. */
@Controller('api/v1/agents/:id/settings')
export class AgentSettingsController {
  constructor(private readonly bus: Bus) {}

  @Patch()
  @Requires('agents:manage')
  @Audits(({ params, body }) => ({
    type: 'agent',
    action: 'settings_changed',
    target: (params as { id: string }).id,
    details: { changes: body as Record<string, never> },
  }))
  @Answers('Sets what holds for one agent alone; it follows at once', AgentDetail)
  async change(
    @Param({ schema: AgentParam }) { id }: z.infer<typeof AgentParam>,
    @Body({ schema: Changes }) override: z.infer<typeof Changes>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof AgentDetail>> {
    return toAgentDetail(await this.bus.request(agentConfigure, { actor, id, override }));
  }
}
