import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Public } from '../../../http/access.js';
import { SystemHealthService } from '../../../services/system-health.service.js';
import { toHealth, toReadiness } from './health.view.js';

/** How the system is, for people (`/api/system/health`) and for Kubernetes (`/api/system/health/ready`). */
@Controller('api/system/health')
export class SystemHealthController {
  constructor(private readonly health: SystemHealthService) {}

  @Get()
  @Public()
  async get(@Res({ passthrough: true }) reply: FastifyReply) {
    const report = await this.health.report();
    reply.status(report.status === 'healthy' ? 200 : 503);
    return toHealth(report, Date.now());
  }

  @Get('ready')
  @Public()
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const report = await this.health.report();
    reply.status(report.ready ? 200 : 503);
    return toReadiness(report, Date.now());
  }
}
