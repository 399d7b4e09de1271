import { Bus } from '@lapwing/bus';
import { DockerReport, dockerhostReport, type InputOf } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { Requires, Unaudited } from '../../../../http/access.js';
import { Answers, isoTime } from '../../../../http/answer.js';
import { ByToken } from '../../../../http/caller.js';
import { isoSeconds } from '../../../../http/query.js';

const Taken = z.object({
  success: z.literal(true),
  hostId: z.string(),
  containers: z.int(),
  lastSeen: isoTime,
  commands: z.array(z.object({ id: z.string(), type: z.string() })).optional(),
});

/** Pulse's heartbeat of a Docker agent. */
@Controller('api/agents/docker/report')
export class DockerReportController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Requires('agents:report')
  @Unaudited()
  @Answers('Takes what a Docker agent reports; answers with commands for it', Taken)
  async report(
    @Body({ schema: DockerReport }) report: z.infer<typeof DockerReport>,
    @ByToken() token: InputOf<typeof dockerhostReport>['token'],
  ): Promise<z.infer<typeof Taken>> {
    const { hostId, containers, lastSeenAt, commands } = await this.bus.request(dockerhostReport, { token, report });
    const answer = { success: true as const, hostId, containers, lastSeen: isoSeconds(lastSeenAt) };
    return commands.length > 0 ? { ...answer, commands } : answer;
  }
}
