import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { existsSync } from 'node:fs';
import { Public } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { lapwingVersion } from '../../version.js';

const isDocker = existsSync('/.dockerenv');

const Version = z.object({
  version: z.string(),
  build: z.string(),
  runtime: z.string(),
  channel: z.enum(['stable', 'rc']),
  isDocker: z.boolean(),
  isDevelopment: z.boolean(),
});

/** Pulse's version and build facts. */
@Controller('api/version')
export class ApiVersionController {
  @Get()
  @Public()
  @Answers('Version and facts of the build', Version)
  get(): z.infer<typeof Version> {
    const isDevelopment = process.env['NODE_ENV'] === 'development';
    const channel = lapwingVersion.includes('-') ? 'rc' : 'stable';
    return { version: `v${lapwingVersion}`, build: 'release', runtime: 'node', channel, isDocker, isDevelopment };
  }
}
