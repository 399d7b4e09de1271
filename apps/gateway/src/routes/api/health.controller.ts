import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Public } from '../../http/access.js';
import { Answers } from '../../http/answer.js';

const Healthy = z.object({
  status: z.literal('healthy'),
  timestamp: z.int().describe('seconds since 1970'),
  uptime: z.number().describe('seconds'),
});

/** Pulse's running check. */
@Controller('api/health')
export class ApiHealthController {
  @Get()
  @Public({ unlimited: true })
  @Answers('Whether the server answers, with its time', Healthy)
  get(): z.infer<typeof Healthy> {
    return { status: 'healthy', timestamp: Math.floor(Date.now() / 1000), uptime: process.uptime() };
  }
}
