import { Controller, Get, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../../../http/access.js';
import { agent } from '../../../../http/query.js';
import { HostsService } from '../../../../services/hosts.service.js';
import { toMetricsDocument } from '../stream.view.js';
import { toCsv } from './metrics.view.js';

const ExportQuery = z.object({ format: z.enum(['json', 'csv']).default('json'), agent_id: agent });

/** Tyto's export of the current metrics. */
@Controller('api/v1/export/metrics')
export class ExportMetricsController {
  constructor(private readonly hosts: HostsService) {}

  @Get()
  @Requires('dashboard:view')
  async get(
    @Query({ schema: ExportQuery }) { format, agent_id }: z.infer<typeof ExportQuery>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const documents = (await this.hosts.all(agent_id)).map(({ agentId, sample }) => toMetricsDocument(agentId, sample));
    reply.header('content-disposition', `attachment; filename="lapwing-metrics.${format}"`);
    reply.type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8');
    return format === 'csv' ? toCsv(documents) : { metrics: documents };
  }
}
