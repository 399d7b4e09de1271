import { Controller, Get } from '@nestjs/common';
import { Public } from '../../http/access.js';

/** Pulse's running check. */
@Controller('api/health')
export class ApiHealthController {
  @Get()
  @Public()
  get() {
    return { status: 'healthy', timestamp: Math.floor(Date.now() / 1000), uptime: process.uptime() };
  }
}
