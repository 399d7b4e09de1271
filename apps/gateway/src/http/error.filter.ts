import { createLogger, currentTraceId, describeError } from '@lapwing/telemetry';
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { toErrorAnswer } from './errors.js';

/** Answers every error in one form; faults of our own are logged once, with the ids that lead to them. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  readonly #log = createLogger('gateway', 'http');

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { status, body, retryAfter } = toErrorAnswer(thrown, request.url);
    if (status === 500) {
      const where = { request_id: request.id, method: request.method, route: request.routeOptions.url };
      this.#log.error({ error: describeError(thrown), ...where, trace_id: currentTraceId() }, 'a request failed');
    }
    if (reply.sent || reply.raw.headersSent) return;
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
    reply.status(status).send(body);
  }
}
