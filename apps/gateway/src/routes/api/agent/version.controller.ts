import { Controller, Get, Headers } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { lapwingVersion } from '../../../version.js';

const Version = z.object({ version: z.string() });

/** Version of the agent that hosts can download here. */
@Controller('api/agent/version')
export class AgentVersionController {
  @Get()
  @Requires('agents:view')
  @Answers('Version of the agent that is downloaded here', Version)
  get(@Headers('user-agent') userAgent = ''): z.infer<typeof Version> {
    // Pulse's own agent, which asks with Go's client, would replace itself with ours when the versions differ; for "dev" it does not.
    return { version: /^(Go-http-client|pulse-)/i.test(userAgent) ? 'dev' : `v${lapwingVersion}` };
  }
}
