import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { StateService } from '../../services/state.service.js';
import { EstateService } from '../../services/estate.service.js';

const entities = z.array(z.record(z.string(), z.unknown()));
const State = z.object({
  nodes: entities,
  vms: entities,
  containers: entities,
  dockerHosts: entities,
  storage: entities,
  cephClusters: entities,
  physicalDisks: entities,
  pbs: entities,
  pmg: entities,
  pveBackups: z.object({ backupTasks: entities, storageBackups: entities, guestSnapshots: entities }),
  pbsBackups: entities,
  replicationJobs: entities,
  activeAlerts: entities,
  connectionHealth: z.record(z.string(), z.boolean()),
  metrics: z.object({}),
  performance: z.object({}),
  stats: z.object({
    startTime: z.string(),
    uptime: z.int(),
    pollingCycles: z.int(),
    webSocketClients: z.int(),
    version: z.string(),
  }),
  mockMode: z.boolean(),
  lastUpdate: z.int().describe('milliseconds since 1970'),
});

/** Everything that Pulse's clients show. */
@Controller('api/state')
export class StateController {
  constructor(
    private readonly state: StateService,
    private readonly estate: EstateService,
  ) {}

  @Get()
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('Nodes, guests, storages, Docker hosts, backups and servers as they are now', State)
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const document = await this.state.whole();
    const compressed = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
    const body = compressed ? await document.gzip() : document.bytes;
    reply
      .header('content-type', 'application/json; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('vary', 'accept-encoding');
    if (compressed) reply.header('content-encoding', 'gzip');
    if (this.estate.isMock) reply.header('x-lapwing-mock', 'true');
    await reply.send(body);
  }
}
