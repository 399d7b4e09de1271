import { Bus } from '@lapwing/bus';
import { LapwingError, attemptGet, attemptStart, type Actor, type UpdateAttempt } from '@lapwing/contracts';
import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Requires, Unaudited } from '../../../../../http/access.js';
import { Answers } from '../../../../../http/answer.js';
import { By, addressOf } from '../../../../../http/caller.js';
import { EventStream } from '../../../../../http/event-stream.js';
import { AuditService } from '../../../../../services/audit.service.js';
import { PrincipalsService } from '../../../../../services/principals.service.js';
import { UpdatesService } from '../../../../../services/updates.service.js';
import { toLastEvent, toProgressEvent } from '../updates.view.js';

const EventText = z
  .string()
  .describe(
    'events `progress` ({step, progress}), then one `complete` ({success, version}) or `error` ({success, error, code}); comments as heartbeats',
  );
const LOOK_MS = 2000;

/** Supascale's way to bring the newest release into force; the answer tells how it comes on, over the restart. */
@Controller('api/v1/system/updates/apply')
export class SystemUpdateApplyController {
  constructor(
    private readonly bus: Bus,
    private readonly updates: UpdatesService,
    private readonly principals: PrincipalsService,
    private readonly audit: AuditService,
  ) {}

  @Post()
  @HttpCode(200)
  @Requires('system:write')
  // Told below: a stream is not sent as other answers are.
  @Unaudited()
  @Answers('Brings the newest release into force, and tells as Server-Sent Events how it comes on', {
    'text/event-stream': EventText,
  })
  async post(@By() actor: Actor, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    if (this.updates.full) throw new LapwingError('UNAVAILABLE', 'too many clients follow updates');
    const attempt = await this.bus.request(attemptStart, { actor, action: 'update' });
    await this.audit.record(actor, { type: 'update', action: 'started', target: attempt.version });
    let stream: EventStream | undefined;
    const cut = (): void => stream?.fail('logged out');
    const unwatch = this.principals.watch(request.caller?.hash ?? null, 'system:write', cut, addressOf(request));
    stream = new EventStream(reply);
    stream.whenClosed(unwatch);
    this.#tell(stream, attempt);
  }

  #tell(stream: EventStream, attempt: UpdateAttempt): void {
    let reached = -1;
    const hear = (now: UpdateAttempt): void => {
      const last = toLastEvent(now);
      if (last) return stream.end(last.name, last.data);
      if (now.progress > reached) stream.event('progress', toProgressEvent(now));
      reached = Math.max(reached, now.progress);
      if (now.step !== 'restarting') return;
      // What runs is about to end, this process too: the guard tells how it went on.
      const connection = stream.handOver();
      if (connection) this.updates.leaveToGuard(attempt.id, connection);
    };
    hear(attempt);
    stream.whenClosed(this.updates.follow(attempt.id, hear));
    // News of the end can be missed, the history cannot.
    const look = (): void => void this.bus.request(attemptGet, { id: attempt.id }).then(hear, () => {});
    const timer = setInterval(look, LOOK_MS);
    stream.whenClosed(() => clearInterval(timer));
  }
}
