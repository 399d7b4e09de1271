import { Controller, Get } from '@nestjs/common';
import { Public } from '../../../http/access.js';
import { lapwingVersion } from '../../../version.js';

/** Tyto's health check, under its base path. */
@Controller('api/v1/health')
export class V1HealthController {
  @Get()
  @Public()
  get() {
    return { status: 'ok', version: lapwingVersion, uptime: Math.floor(process.uptime()) };
  }
}
