import { Bus } from '@lapwing/bus';
import { dockercommandAcknowledge, type InputOf } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { Requires, Unaudited } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { ByToken } from '../../../../http/caller.js';

const CommandParam = z.object({ id: z.string().min(1).max(64) });
const AckBody = z.object({
  hostId: z.string().min(1).max(300),
  status: z.enum(['acknowledged', 'completed', 'failed']),
  message: z.string().max(1000).default(''),
});
const Done = z.object({ success: z.literal(true), hostId: z.string(), status: z.string() });

/** What a Docker agent says about the commands that it got. */
@Controller('api/agents/docker/commands')
export class DockerCommandsController {
  constructor(private readonly bus: Bus) {}

  @Post(':id/ack')
  @HttpCode(200)
  @Requires('agents:report')
  @Unaudited()
  @Answers('Hears what became of a command', Done)
  async acknowledge(
    @Param({ schema: CommandParam }) { id }: z.infer<typeof CommandParam>,
    @Body({ schema: AckBody }) said: z.infer<typeof AckBody>,
    @ByToken() token: InputOf<typeof dockercommandAcknowledge>['token'],
  ): Promise<z.infer<typeof Done>> {
    const { hostId, command } = await this.bus.request(dockercommandAcknowledge, { token, id, ...said });
    return { success: true, hostId, status: command.status };
  }
}
