import { LapwingError } from '@lapwing/contracts';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Parameter: the revision on which a change builds, out of the header If-Match; undefined when whoever asks does not care. */
export const IfRevision = createParamDecorator((_: unknown, context: ExecutionContext) =>
  revisionOf(context.switchToHttp().getRequest<FastifyRequest>().headers['if-match']),
);

/**
 * The revision in an If-Match header (RFC 9110, 13.1.1).
 * @throws LapwingError `PRECONDITION_FAILED` for a tag that no answer ever carried.
 */
export function revisionOf(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const [, digits] = /^\s*(?:W\/)?"(\d{1,15})"\s*$/.exec(header) ?? [];
  if (digits === undefined)
    throw new LapwingError('PRECONDITION_FAILED', 'If-Match must be the ETag of an earlier answer');
  return Number(digits);
}

/** Says which revision an answer is of. */
export function tag(reply: FastifyReply, revision: number): void {
  reply.header('etag', `"${revision}"`);
}
