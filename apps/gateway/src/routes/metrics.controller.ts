import { exposeMetrics } from '@lapwing/telemetry';
import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Requires } from '../http/access.js';

/** The process's own metrics, for Prometheus: as its `Accept` says, in its plain text or as OpenMetrics with exemplars. */
@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  @Get()
  @Requires('system:read')
  async get(@Headers('accept') accept: string | undefined, @Res({ passthrough: true }) reply: FastifyReply) {
    const { type, text } = await exposeMetrics(accept);
    reply.header('content-type', type);
    return text;
  }
}
