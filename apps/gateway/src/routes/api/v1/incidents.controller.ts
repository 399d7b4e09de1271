import { Bus } from '@lapwing/bus';
import { LapwingError, incidentList } from '@lapwing/contracts';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { instant, whole } from '../../../http/query.js';
import { allPastAlerts } from '../../../services/alert-pages.js';
import { AlertDetail, toAlertDetail } from './alerts.view.js';
import { IncidentView, toIncidentView } from './incidents.view.js';

const Range = z.object({ limit: whole(1, 1000).default(100), offset: whole(0, 990_000).default(0) });
const IncidentQuery = Range.extend({
  from: instant.optional(),
  to: instant.optional(),
  min_score: whole(0, 100).default(0),
});
const ById = z.object({ id: whole(1, Number.MAX_SAFE_INTEGER) });
const Incidents = z.object({ incidents: z.array(IncidentView), total: z.int() });
const Alerts = z.object({ alerts: z.array(AlertDetail), total: z.int() });

/** Alerts that belong together. */
@Controller('api/v1/incidents')
export class IncidentsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('alerts:view')
  @Answers('Incidents, the newest first', Incidents)
  async list(
    @Query({ schema: IncidentQuery }) query: z.infer<typeof IncidentQuery>,
  ): Promise<z.infer<typeof Incidents>> {
    const { min_score: minScore, from, to, ...range } = query;
    const question = { ...range, minScore, from: from ?? null, to: to ?? null };
    const { incidents, total } = await this.bus.request(incidentList, question);
    return { incidents: incidents.map(toIncidentView), total };
  }

  @Get(':id/alerts')
  @Requires('alerts:view')
  @Answers('The alerts of an incident, the newest first, with what they were decided on', Alerts)
  async alerts(
    @Param({ schema: ById }) { id }: z.infer<typeof ById>,
    @Query({ schema: Range }) range: z.infer<typeof Range>,
  ): Promise<z.infer<typeof Alerts>> {
    const { alerts, total } = await allPastAlerts(this.bus, { incidentId: id }, range);
    if (total === 0) throw new LapwingError('NOT_FOUND', `no incident ${id}, or its alerts are forgotten`);
    return { alerts: alerts.map(toAlertDetail), total };
  }
}
