import { Bus } from '@lapwing/bus';
import { LapwingError, gapCauses, ledgerGet } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers, isoTime } from '../../../http/answer.js';
import { agent, instant, isoSeconds } from '../../../http/query.js';
import { HostsService } from '../../../services/hosts.service.js';

const DAY_MS = 86_400_000;
const MAX_DAYS = 400;
const LedgerQuery = z.object({ agent_id: agent, from: instant.optional(), to: instant.optional() });

const Ledger = z.object({
  agent_id: z.string(),
  from: isoTime,
  to: isoTime,
  hours: z.array(
    z.object({
      hour: isoTime,
      taken: z.int(),
      stored: z.int(),
      backfilled: z.int().describe('of those stored: came more than a minute late'),
      quarantined: z.int().describe('put aside, because the clock was wild'),
      lost: z.int(),
      pending: z.int().describe('taken, and still on their way'),
    }),
  ),
  gaps: z.array(z.object({ from: isoTime, to: isoTime, cause: z.enum(gapCauses), lost: z.int() })),
});

/** What became of a host's samples, hour by hour, and why some are missing. */
@Controller('api/v1/ledger')
export class LedgerController {
  constructor(
    private readonly bus: Bus,
    private readonly hosts: HostsService,
  ) {}

  @Get()
  @Requires('dashboard:view')
  @Answers('What became of the samples of a host, hour by hour', Ledger)
  async get(@Query({ schema: LedgerQuery }) query: z.infer<typeof LedgerQuery>): Promise<z.infer<typeof Ledger>> {
    const to = query.to ?? Date.now();
    const from = query.from ?? to - DAY_MS;
    if (from >= to) throw new LapwingError('INVALID_INPUT', '"from" must be before "to"');
    if (to - from > MAX_DAYS * DAY_MS) throw new LapwingError('INVALID_INPUT', `at most ${MAX_DAYS} days`);
    const agentId = await this.hosts.resolve(query.agent_id);
    const { hours, gaps } = await this.bus.request(ledgerGet, { agentId, from, to });
    return {
      agent_id: agentId,
      from: isoSeconds(from),
      to: isoSeconds(to),
      hours: hours.map((hour) => ({ ...hour, hour: isoSeconds(hour.hour) })),
      gaps: gaps.map((gap) => ({
        from: isoSeconds(gap.from),
        to: isoSeconds(gap.to),
        cause: gap.cause,
        lost: gap.lost ? gap.lost[1] - gap.lost[0] + 1 : 0,
      })),
    };
  }
}
