import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';

/**
 * Sends JSON that is written piece by piece, compressed for those who take it so, at the pace at which it is read. What fails before the
 * first pieces are there is told as an error; later, the connection is cut.
 */
export async function sendPieces(
  request: FastifyRequest,
  reply: FastifyReply,
  pieces: AsyncGenerator<string>,
): Promise<void> {
  const head: string[] = [];
  while (head.length < 2) {
    const { value, done } = await pieces.next();
    if (done === true) break;
    head.push(value);
  }
  const all = Readable.from(whole(head, pieces), { objectMode: false });
  reply.header('content-type', 'application/json; charset=utf-8').header('vary', 'accept-encoding');
  if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return void (await reply.send(all));
  const packed = createGzip({ level: constants.Z_BEST_SPEED });
  all.on('error', (error) => packed.destroy(error));
  await reply.header('content-encoding', 'gzip').send(all.pipe(packed));
}

async function* whole(head: string[], rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield* head;
  yield* rest;
}
