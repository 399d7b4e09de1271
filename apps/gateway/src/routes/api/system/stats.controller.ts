import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { OpenRead } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { TotalsService } from '../../../services/totals.service.js';

const Stats = z.object({
  total_cameras: z.int().describe('what is watched: agents, configured nodes and Docker hosts'),
  total_events: z.int().describe('incidents'),
  total_detections: z.int().describe('alerts'),
  uptime_seconds: z.number().describe('seconds since this process was started'),
});

/** Totals, under the names of the home-security API. */
@Controller('api/system/stats')
export class StatsController {
  constructor(private readonly totals: TotalsService) {}

  @Get()
  @OpenRead('dashboard:view')
  @Answers('How much is watched, and how much has happened', Stats)
  async get(): Promise<z.infer<typeof Stats>> {
    const [sources, { incidents, alerts }] = await Promise.all([this.totals.sources(), this.totals.alerts()]);
    return {
      total_cameras: sources,
      total_events: incidents.rows,
      total_detections: alerts.rows,
      uptime_seconds: Math.round(process.uptime() * 1000) / 1000,
    };
  }
}
