import { createLogger, describeError } from '@lapwing/telemetry';
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { toErrorAnswer } from './errors.js';

const log = createLogger('gateway', 'http');

/** Answers an error in the one form; faults of our own are logged once, with the ids that lead to them. */
export function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { status, body, retryAfter } = toErrorAnswer(thrown, request.url);
  if (status === 500) {
    const where = { request_id: request.id, method: request.method, route: request.routeOptions.url };
    log.error({ error: describeError(thrown), ...where }, 'a request failed');
  }
  if (reply.sent || reply.raw.headersSent) return;
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  void reply.status(status).send(body);
}

/** Errors that handlers throw. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerError(thrown, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}
