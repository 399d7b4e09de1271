import { Bus } from '@lapwing/bus';
import { LapwingError } from '@lapwing/contracts';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { LongList, jsonPieces, sendPieces } from '../../../http/pieces.js';
import { refuseBrokenText } from '../../../http/query.js';
import { logCount, logPage } from '../../../services/log-pages.js';
import { Logs, LogsQuery, toLogEntryView, toLogFilter } from './logs.view.js';

/** Tyto's search in the logs of all hosts. */
@Controller('api/v1/logs')
export class LogsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('logs:view')
  @Answers('Lines of logs that match, the newest first', Logs)
  async list(
    @Query({ schema: LogsQuery }) query: z.infer<typeof LogsQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    refuseBrokenText(request);
    const { limit, offset, after = null } = query;
    if (after !== null && offset > 0)
      throw new LapwingError('INVALID_INPUT', '"after" and "offset" do not go together: "after" says where to go on');
    const filter = toLogFilter(query);
    const [{ entries, next }, count] = await Promise.all([
      logPage(this.bus, filter, { limit, offset, after }),
      logCount(this.bus, filter),
    ]);
    // Without a count, so many there are at least; and with the last page in hand, exactly.
    const seen = offset + entries.length;
    const isAll = after === null && next === null && (offset === 0 || entries.length > 0);
    await sendPieces(
      request,
      reply,
      jsonPieces({
        entries: new LongList(entries, toLogEntryView),
        total: isAll ? seen : (count?.total ?? seen),
        total_is_estimate: !isAll && (count?.isEstimate ?? true),
        next_cursor: next,
      }),
    );
  }
}
