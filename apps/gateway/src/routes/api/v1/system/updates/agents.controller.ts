import { Bus } from '@lapwing/bus';
import { rolloutGet, rolloutStart, rolloutStop, type Actor } from '@lapwing/contracts';
import { Controller, Delete, Get, HttpCode, Post } from '@nestjs/common';
import type { z } from 'zod';
import { Audits, Requires } from '../../../../../http/access.js';
import { Answers } from '../../../../../http/answer.js';
import { By } from '../../../../../http/caller.js';
import { RolloutView, RolloutsView, toRolloutView, toRolloutsView } from './agents.view.js';

const fact = (action: string) => () => ({ type: 'rollout', action, target: 'agents' });

/** Roll-outs of this server's version of the agent. */
@Controller('api/v1/system/updates/agents')
export class AgentUpdatesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('agents:view')
  @Answers('The last roll-out of the agent, and how agents fare in it', RolloutsView)
  async get(): Promise<z.infer<typeof RolloutsView>> {
    return toRolloutsView(await this.bus.request(rolloutGet, {}));
  }

  @Post()
  @HttpCode(202)
  @Requires('system:write')
  @Audits(fact('started'))
  @Answers('Begins to roll out this server’s version of the agent, ring after ring', RolloutView, [202])
  async start(@By() actor: Actor): Promise<z.infer<typeof RolloutView>> {
    return toRolloutView(await this.bus.request(rolloutStart, { actor }));
  }

  @Delete()
  @Requires('system:write')
  @Audits(fact('stopped'))
  @Answers('Stops the roll-out that runs; agents that were updated go back', RolloutView)
  async stop(@By() actor: Actor): Promise<z.infer<typeof RolloutView>> {
    return toRolloutView(await this.bus.request(rolloutStop, { actor }));
  }
}
