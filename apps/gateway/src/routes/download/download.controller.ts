import { LapwingError } from '@lapwing/contracts';
import { Controller, Get, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Public, Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { AgentFileService } from '../../services/agent-file.service.js';

/** The agent runs on Node: one file is good for every processor. */
const DownloadQuery = z.object({ arch: z.enum(['linux-amd64', 'linux-arm64', 'linux-armv7']).optional() });
const AgentQuery = z.object({
  /** Of the file that is wanted, hexadecimal: another one is not served. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
    .optional(),
});
const file = {
  'application/octet-stream': z.string().describe('a JavaScript module that runs on Node 20.19 or later'),
};

/** The agent in one file. */
@Controller('download')
export class DownloadController {
  constructor(private readonly files: AgentFileService) {}

  @Get('pulse-docker-agent')
  @Requires('agents:view', { tokenInQuery: true })
  @Answers('The Docker agent in one file; its SHA-256 is in X-Checksum-Sha256', file)
  docker(@Query({ schema: DownloadQuery }) _query: z.infer<typeof DownloadQuery>, @Res() reply: FastifyReply) {
    return this.#send(reply);
  }

  @Get('lapwing-agent.mjs')
  @Public()
  @Answers('The agent of Lapwing in one file; its SHA-256 is in X-Checksum-Sha256', file)
  agent(@Query({ schema: AgentQuery }) query: z.infer<typeof AgentQuery>, @Res() reply: FastifyReply) {
    return this.#send(reply, query.sha256);
  }

  async #send(reply: FastifyReply, wanted?: string): Promise<void> {
    const { content, sha256 } = await this.files.get();
    // While the server is renewed, a gateway of the other version has it: whoever asks again finds that one.
    if (wanted !== undefined && wanted !== sha256)
      throw new LapwingError('UNAVAILABLE', `the agent that is served here has the SHA-256 ${sha256}, try again later`);
    await reply
      .header('content-type', 'application/octet-stream')
      .header('content-disposition', 'attachment; filename="lapwing-agent.mjs"')
      .header('x-checksum-sha256', sha256)
      .send(content);
  }
}
