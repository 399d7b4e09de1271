import { Bus } from '@lapwing/bus';
import { attemptGet, attemptList } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { whole } from '../../../http/query.js';
import { AttemptView, toAttemptView } from './updates.view.js';

const HistoryQuery = z.object({
  limit: whole(1, 200).default(20),
  status: AttemptView.shape.status.optional(),
});
const EntryQuery = z.object({ id: z.uuid({ error: 'the id of an entry, a UUID' }) });

/** Pulse's history of updates. */
@Controller('api/updates/history')
export class UpdateHistoryController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('system:read')
  @Answers('The attempts to change what runs, the newest first', z.array(AttemptView))
  async list(
    @Query({ schema: HistoryQuery }) query: z.infer<typeof HistoryQuery>,
  ): Promise<z.infer<typeof AttemptView>[]> {
    const { attempts } = await this.bus.request(attemptList, query);
    return attempts.map(toAttemptView);
  }

  @Get('entry')
  @Requires('system:read')
  @Answers('One attempt', AttemptView)
  async get(@Query({ schema: EntryQuery }) query: z.infer<typeof EntryQuery>): Promise<z.infer<typeof AttemptView>> {
    return toAttemptView(await this.bus.request(attemptGet, query));
  }
}
