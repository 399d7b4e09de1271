import { Controller, Get } from '@nestjs/common';
import { Public } from '../http/access.js';
import { lapwingVersion } from '../version.js';

/** Whether the process answers; looks at nothing else. One object for two contracts (C1 of the contract notes). */
@Controller('health')
export class HealthController {
  @Get()
  @Public()
  get() {
    return { status: 'alive', version: lapwingVersion, uptime: Math.floor(process.uptime()) };
  }
}
