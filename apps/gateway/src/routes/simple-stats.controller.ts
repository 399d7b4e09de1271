import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Public } from '../http/access.js';
import { Answers } from '../http/answer.js';
import { prefersPage } from '../http/accept.js';
import { itemsOf } from '../services/estate.js';
import { AlertsService } from '../services/alerts.service.js';
import { EstateService } from '../services/estate.service.js';
import { percentOf } from './api/state/machines.view.js';

const Stats = z.object({
  nodes: z.int(),
  nodesOnline: z.int(),
  vms: z.int(),
  containers: z.int(),
  dockerHosts: z.int(),
  activeAlerts: z.int(),
  cpu: z.number().describe('mean percent'),
  memory: z.number().describe('mean percent'),
  uptime: z.int().describe('seconds'),
  timestamp: z.int().describe('seconds since 1970'),
});

/** Counts and means, without a name or an address: anyone may read them. */
@Controller('simple-stats')
export class SimpleStatsController {
  constructor(
    private readonly estate: EstateService,
    private readonly alerts: AlertsService,
  ) {}

  @Get()
  @Public()
  @Answers('How many machines there are, and how busy they are on the whole', {
    'application/json': Stats,
    'text/html': z.string(),
  })
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const stats = this.#stats();
    reply.header('vary', 'accept');
    if (!prefersPage(request.headers.accept)) return void (await reply.send(stats));
    const rows = Object.entries(stats).map(([name, value]) => `<tr><th>${name}</th><td>${value}</td></tr>`);
    await reply
      .header('content-type', 'text/html; charset=utf-8')
      .send(`<!doctype html><html lang="en"><title>Lapwing</title><table>${rows.join('')}</table></html>`);
  }

  #stats(): z.infer<typeof Stats> {
    const targets = this.estate.targets();
    const nodes = targets.flatMap((target) => itemsOf(target, 'nodes'));
    const guests = targets.flatMap((target) => itemsOf(target, 'guests')).filter(({ template }) => !template);
    const online = nodes.filter(({ status }) => status === 'online');
    const mean = (values: number[]): number =>
      values.length > 0 ? Math.round((values.reduce((sum, value) => sum + value, 0) / values.length) * 100) / 100 : 0;
    return {
      nodes: nodes.length,
      nodesOnline: online.length,
      vms: guests.filter(({ type }) => type === 'qemu').length,
      containers: guests.filter(({ type }) => type === 'lxc').length,
      dockerHosts: this.estate.dockerHosts().length,
      activeAlerts: this.estate.isMock ? 0 : this.alerts.counts().active,
      cpu: mean(online.map(({ cpu }) => cpu)),
      memory: mean(online.map(({ memory }) => percentOf(memory.used, memory.total))),
      uptime: Math.floor(process.uptime()),
      timestamp: Math.floor(Date.now() / 1000),
    };
  }
}
