import { OnCommand } from '@lapwing/bus';
import { agentInspect, agentRevert, agentUpdate, type InputOf, type OutputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { ProgramService } from '../services/program.service.js';

/** Carries out commands that are about the agent itself. */
@Injectable()
export class ProgramHandler {
  constructor(private readonly program: ProgramService) {}

  @OnCommand(agentInspect)
  async inspect(): Promise<OutputOf<typeof agentInspect>> {
    return this.program.inspect();
  }

  @OnCommand(agentUpdate)
  async update({ statement }: InputOf<typeof agentUpdate>): Promise<OutputOf<typeof agentUpdate>> {
    return this.program.update(statement);
  }

  @OnCommand(agentRevert)
  revert(): Promise<OutputOf<typeof agentRevert>> {
    return this.program.revert();
  }
}
