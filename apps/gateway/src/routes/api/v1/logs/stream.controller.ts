import { LapwingError, MAX_LOG_PAGE } from '@lapwing/contracts';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { addressOf } from '../../../../http/caller.js';
import { EventStream } from '../../../../http/event-stream.js';
import { refuseBrokenText, whole } from '../../../../http/query.js';
import { LogFeedService, type LogPlace } from '../../../../services/log-feed.service.js';
import { PrincipalsService } from '../../../../services/principals.service.js';
import { filterFields, pageFields, toLogFilter } from '../logs.view.js';

const StreamQuery = z.object({ ...filterFields, ...pageFields, limit: whole(0, MAX_LOG_PAGE).default(0) });
const LAST_ID = /^(\d{1,15})(?:-(\d{1,6}))?$/;

const EventText = z
  .string()
  .describe(
    'events `log` (a line, as in the list; one that comes live has its place in the stream as its id), `gap`, `dropped` and `error`, and comments as heartbeats',
  );

/** Tyto's live tail of logs. */
@Controller('api/v1/logs/stream')
export class LogStreamController {
  constructor(
    private readonly feed: LogFeedService,
    private readonly principals: PrincipalsService,
  ) {}

  @Get()
  @Requires('logs:view', { tokenInQuery: true })
  @Answers(
    'New lines as Server-Sent Events, after `limit` older ones that begin at `from`; resumes after Last-Event-ID',
    { 'text/event-stream': EventText },
  )
  async get(
    @Query({ schema: StreamQuery }) query: z.infer<typeof StreamQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    refuseBrokenText(request);
    const filter = { ...toLogFilter(query), to: null };
    const after = placeOf(request.headers['last-event-id']);
    if (this.feed.full) throw new LapwingError('UNAVAILABLE', 'too many clients follow logs');
    let stream: EventStream | undefined;
    const cut = (): void => stream?.fail('logged out');
    const unwatch = this.principals.watch(request.caller?.hash ?? null, 'logs:view', cut, addressOf(request));
    stream = new EventStream(reply);
    stream.whenClosed(unwatch);
    try {
      await this.feed.follow(stream, filter, after ? { after } : { limit: query.limit });
    } catch (error) {
      stream.fail(error instanceof LapwingError ? error.message : 'internal error');
    }
  }
}

function placeOf(lastId: string | string[] | undefined): LogPlace | undefined {
  if (lastId === undefined || lastId === '') return undefined;
  const [, position, index] = (typeof lastId === 'string' && LAST_ID.exec(lastId)) || [];
  if (position === undefined)
    throw new LapwingError('INVALID_INPUT', '"Last-Event-ID" must be the id of an event of this stream, e.g. 1234-0');
  return { position: Number(position), index: index === undefined ? undefined : Number(index) };
}
