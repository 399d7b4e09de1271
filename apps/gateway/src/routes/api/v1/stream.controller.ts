import { LapwingError } from '@lapwing/contracts';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { addressOf } from '../../../http/caller.js';
import { agent } from '../../../http/query.js';
import { EventStream } from '../../../http/event-stream.js';
import { HostsService } from '../../../services/hosts.service.js';
import { LiveFeedService } from '../../../services/live-feed.service.js';
import { PrincipalsService } from '../../../services/principals.service.js';

const StreamQuery = z.object({ agent_id: agent });
const LAST_ID = /^(\d{1,15})-(\d{1,4})$/;

const EventText = z
  .string()
  .describe('events `metrics` (a metrics document), `gap`, `dropped` and `error`, and comments as heartbeats');

/** Tyto's live stream: an event for each sample. */
@Controller('api/v1/stream')
export class StreamController {
  constructor(
    private readonly feed: LiveFeedService,
    private readonly hosts: HostsService,
    private readonly principals: PrincipalsService,
  ) {}

  @Get()
  @Requires('dashboard:view', { tokenInQuery: true })
  @Answers('Live metrics as Server-Sent Events; resumes after Last-Event-ID', { 'text/event-stream': EventText })
  async get(
    @Query({ schema: StreamQuery }) { agent_id: agentId }: z.infer<typeof StreamQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const lastId = request.headers['last-event-id'];
    const after = typeof lastId === 'string' && lastId !== '' ? parseLastId(lastId) : undefined;
    if (agentId !== undefined) await this.hosts.resolve(agentId);
    if (this.feed.full) throw new LapwingError('UNAVAILABLE', 'too many clients follow the stream');
    let stream: EventStream | undefined;
    const cut = (): void => stream?.fail('logged out');
    const unwatch = this.principals.watch(request.caller?.hash ?? null, 'dashboard:view', cut, addressOf(request));
    stream = new EventStream(reply);
    stream.whenClosed(unwatch);
    const watcher = { agentId, take: (frame: { text: string }) => stream.send(frame.text) };
    if (!after) {
      for (const frame of this.feed.latestFrames(agentId)) watcher.take(frame);
      stream.whenClosed(this.feed.watch(watcher));
      return;
    }
    try {
      const { end, missed } = await this.feed.resume(watcher, after);
      stream.whenClosed(end);
      if (missed) stream.event('gap', missed);
    } catch (error) {
      stream.fail(error instanceof LapwingError ? error.message : 'internal error');
    }
  }
}

function parseLastId(text: string): { position: number; index: number } {
  const [, position, index] = LAST_ID.exec(text) ?? [];
  if (position === undefined || index === undefined)
    throw new LapwingError('INVALID_INPUT', '"Last-Event-ID" must be the id of an event of this stream, e.g. 1234-0');
  return { position: Number(position), index: Number(index) };
}
