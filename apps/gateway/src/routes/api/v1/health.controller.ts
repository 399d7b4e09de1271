import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Public } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { lapwingVersion } from '../../../version.js';

const Ok = z.object({ status: z.literal('ok'), version: z.string(), uptime: z.int().describe('seconds') });

/** Tyto's health check, under its base path. */
@Controller('api/v1/health')
export class V1HealthController {
  @Get()
  @Public({ unlimited: true })
  @Answers('Whether the server answers', Ok)
  get(): z.infer<typeof Ok> {
    return { status: 'ok', version: lapwingVersion, uptime: Math.floor(process.uptime()) };
  }
}
