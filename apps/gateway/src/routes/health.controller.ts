import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Public } from '../http/access.js';
import { Answers } from '../http/answer.js';
import { lapwingVersion } from '../version.js';

const Alive = z.object({ status: z.literal('alive'), version: z.string(), uptime: z.int().describe('seconds') });

/** Whether the process answers; looks at nothing else. One object serves two contracts. */
@Controller('health')
export class HealthController {
  @Get()
  @Public({ unlimited: true })
  @Answers('Whether the process answers', Alive)
  get(): z.infer<typeof Alive> {
    return { status: 'alive', version: lapwingVersion, uptime: Math.floor(process.uptime()) };
  }
}
