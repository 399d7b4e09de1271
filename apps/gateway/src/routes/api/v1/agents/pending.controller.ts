import { Bus } from '@lapwing/bus';
import { Fingerprint, registrationApprove, registrationList, registrationReject, type Actor } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { Audits, Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { By } from '../../../../http/caller.js';
import { AgentParam, agentFact } from '../agents.controller.js';
import { AgentView, PendingView, toAgentView, toPendingView } from '../agents.view.js';

const Pending = z.object({ agents: z.array(PendingView) });
const Which = z
  .object({ fingerprint: Fingerprint.describe('which one, where several ask under this id') })
  .nullish()
  .transform((body) => body?.fingerprint);
const Done = z.object({ success: z.literal(true) });

/** Tyto's registrations that wait for a decision. */
@Controller('api/v1/agents/pending')
export class PendingAgentsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('agents:manage')
  @Answers('Those who ask to be let in; quarantined are those under the id of another machine', Pending)
  async list(): Promise<z.infer<typeof Pending>> {
    return { agents: (await this.bus.request(registrationList, {})).agents.map(toPendingView) };
  }

  @Post(':id/approve')
  @HttpCode(200)
  @Requires('agents:manage')
  @Audits(agentFact('approved'))
  @Answers('Lets one in', AgentView)
  async approve(
    @Param({ schema: AgentParam }) { id }: z.infer<typeof AgentParam>,
    @Body({ schema: Which }) fingerprint: z.infer<typeof Which>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof AgentView>> {
    return toAgentView(await this.bus.request(registrationApprove, { actor, id, fingerprint }));
  }

  @Post(':id/reject')
  @HttpCode(200)
  @Requires('agents:manage')
  @Audits(agentFact('rejected'))
  @Answers('Refuses one, for an hour', Done)
  async reject(
    @Param({ schema: AgentParam }) { id }: z.infer<typeof AgentParam>,
    @Body({ schema: Which }) fingerprint: z.infer<typeof Which>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof Done>> {
    await this.bus.request(registrationReject, { actor, id, fingerprint });
    return { success: true };
  }
}
