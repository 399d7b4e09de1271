import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Public } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { lapwingVersion } from '../../../version.js';

const Info = z.object({ isDevelopment: z.boolean(), version: z.string() });

/** What Pulse's agent asks a server at its start. */
@Controller('api/server/info')
export class ServerInfoController {
  @Get()
  @Public()
  @Answers('Version of the server, for agents', Info)
  get(): z.infer<typeof Info> {
    return { isDevelopment: process.env['NODE_ENV'] === 'development', version: `v${lapwingVersion}` };
  }
}
