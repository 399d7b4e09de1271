import { registry } from '@lapwing/telemetry';
import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { DiagnosticsService } from '../../services/diagnostics.service.js';
import { DiagnosticsDocument, requestFigures, toDiagnostics } from './diagnostics.view.js';

const REQUESTS = 'lapwing_http_request_seconds';

/** What may be wrong with the system, for whoever looks after it. */
@Controller('api/diagnostics')
export class DiagnosticsController {
  constructor(private readonly diagnostics: DiagnosticsService) {}

  @Get()
  @Requires('system:read')
  @Answers('Services, nodes, problems, queues and how busy all is; made anew every 45 s at most', DiagnosticsDocument)
  async get(@Res({ passthrough: true }) reply: FastifyReply) {
    const diagnosis = await this.diagnostics.diagnose();
    reply.header('x-diagnostics-cached-at', new Date(diagnosis.at).toISOString());
    const requests = await registry.getSingleMetric(REQUESTS)?.get();
    return toDiagnostics(diagnosis, requestFigures(requests?.values ?? []));
  }
}
