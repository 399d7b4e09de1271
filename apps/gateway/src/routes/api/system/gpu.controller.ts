import { Bus } from '@lapwing/bus';
import { gpuHistoryGet } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { OpenRead } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { instant, whole } from '../../../http/query.js';
import { HostsService } from '../../../services/hosts.service.js';
import { Gpu, GpuHistory, toGpu, toGpuHistory } from './gpu.view.js';

const HistoryQuery = z.object({ since: instant.optional(), limit: whole(1, 5000).default(300) });

/** The first graphics card of this machine, now and before. */
@Controller('api/system/gpu')
export class GpuController {
  constructor(
    private readonly bus: Bus,
    private readonly hosts: HostsService,
  ) {}

  @Get()
  @OpenRead('dashboard:view')
  @Answers('The first graphics card of this machine', Gpu)
  async get() {
    const { sample } = await this.hosts.latest(undefined);
    return toGpu(sample, Date.now());
  }

  @Get('history')
  @OpenRead('dashboard:view')
  @Answers('Readings of that card, oldest first', GpuHistory)
  async history(@Query({ schema: HistoryQuery }) { since, limit }: z.infer<typeof HistoryQuery>) {
    const agentId = await this.hosts.resolve(undefined);
    const { samples } = await this.bus.request(gpuHistoryGet, { agentId, since: since ?? null, limit });
    return toGpuHistory(samples, limit);
  }
}
