import { LapwingError } from '@lapwing/contracts';
import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { addressOf } from '../../../../http/caller.js';
import { EventStream } from '../../../../http/event-stream.js';
import { AlertsService, type AlertFrame } from '../../../../services/alerts.service.js';
import { PrincipalsService } from '../../../../services/principals.service.js';

const LAST_ID = /^\d{1,15}$/;
const EventText = z
  .string()
  .describe('events `alert` ({change, alert, time}), `gap`, `dropped` and `error`, and comments as heartbeats');

/** What happens to alerts, as it happens. */
@Controller('api/v1/alerts/stream')
export class AlertStreamController {
  constructor(
    private readonly alerts: AlertsService,
    private readonly principals: PrincipalsService,
  ) {}

  @Get()
  @Requires('alerts:view', { tokenInQuery: true })
  @Answers('What happens to alerts as Server-Sent Events; resumes after Last-Event-ID', {
    'text/event-stream': EventText,
  })
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const after = positionOf(request.headers['last-event-id']);
    if (this.alerts.full) throw new LapwingError('UNAVAILABLE', 'too many clients follow the stream');
    let stream: EventStream | undefined;
    const cut = (): void => stream?.fail('logged out');
    const unwatch = this.principals.watch(request.caller?.hash ?? null, 'alerts:view', cut, addressOf(request));
    stream = new EventStream(reply);
    stream.whenClosed(unwatch);
    const take = ({ text }: AlertFrame): void => stream.send(text);
    try {
      const { end, missed } = await this.alerts.follow(take, after);
      stream.whenClosed(end);
      if (missed !== null) stream.event('gap', { reason: missed });
    } catch (error) {
      stream.fail(error instanceof LapwingError ? error.message : 'internal error');
    }
  }
}

function positionOf(lastId: string | string[] | undefined): number | undefined {
  if (lastId === undefined || lastId === '') return undefined;
  if (typeof lastId === 'string' && LAST_ID.test(lastId)) return Number(lastId);
  throw new LapwingError('INVALID_INPUT', '"Last-Event-ID" must be the id of an event of this stream, e.g. 1234');
}
