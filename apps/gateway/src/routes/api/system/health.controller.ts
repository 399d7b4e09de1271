import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Public } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { DrainService } from '../../../services/drain.service.js';
import { SystemHealthService } from '../../../services/system-health.service.js';
import { ReadinessDocument, SystemHealthDocument, leaving, toHealth, toReadiness } from './health.view.js';

/** How the system is, for people (`/api/system/health`) and for Kubernetes (`/api/system/health/ready`). */
@Controller('api/system/health')
export class SystemHealthController {
  constructor(
    private readonly health: SystemHealthService,
    private readonly drain: DrainService,
  ) {}

  @Get()
  @Public({ unlimited: true })
  @Answers('How the system is; 503 unless it is healthy', SystemHealthDocument, [200, 503])
  async get(@Res({ passthrough: true }) reply: FastifyReply) {
    const report = await this.health.report();
    reply.status(report.status === 'healthy' ? 200 : 503);
    return toHealth(report, Date.now());
  }

  @Get('ready')
  @Public({ unlimited: true })
  @Answers('Whether the system takes requests', ReadinessDocument, [200, 503])
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    this.drain.probed();
    const report = this.drain.isDraining ? leaving : await this.health.report();
    reply.status(report.ready ? 200 : 503);
    return toReadiness(report, Date.now());
  }
}
