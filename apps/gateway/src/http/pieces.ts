import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { setImmediate as breathe } from 'node:timers/promises';
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

/** A list that is written a piece at a time: its items, and how each looks. */
export class LongList<T> {
  constructor(
    readonly items: readonly T[],
    readonly view: (item: T) => unknown,
  ) {}
}

/** A list that comes in pages: written as they come, so that it is never whole in memory. */
export class Pages<T> {
  constructor(
    readonly pages: AsyncIterable<readonly T[]>,
    readonly view: (item: T) => unknown,
  ) {}
}

/** So many items are written before others get a turn. */
const ITEMS = 200;

/** An object as JSON, piece by piece: long lists in it, or in objects in it, take a turn now and then. */
export async function* jsonPieces(fields: Record<string, unknown>): AsyncGenerator<string> {
  let separator = '{';
  for (const [name, value] of Object.entries(fields)) {
    yield `${separator}${JSON.stringify(name)}:`;
    separator = ',';
    if (value instanceof LongList) yield* listPieces(value as LongList<unknown>);
    else if (value instanceof Pages) yield* pagePieces(value as Pages<unknown>);
    else if (isRecord(value)) yield* jsonPieces(value);
    else yield JSON.stringify(value);
  }
  yield separator === '{' ? '{}' : '}';
}

async function* listPieces<T>({ items, view }: LongList<T>): AsyncGenerator<string> {
  yield '[';
  for (let at = 0; at < items.length; at += ITEMS) {
    const piece = items.slice(at, at + ITEMS).map((item) => JSON.stringify(view(item)));
    yield `${at > 0 ? ',' : ''}${piece.join(',')}`;
    await breathe();
  }
  yield ']';
}

/** A list that comes in pages, as JSON; nothing is written before the first page is there. */
export async function* pagePieces<T>({ pages, view }: Pages<T>): AsyncGenerator<string> {
  let separator = '[';
  for await (const page of pages)
    for (let at = 0; at < page.length; at += ITEMS) {
      const piece = page.slice(at, at + ITEMS).map((item) => JSON.stringify(view(item)));
      yield `${separator}${piece.join(',')}`;
      separator = ',';
      await breathe();
    }
  yield separator === '[' ? '[]' : ']';
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

async function* whole(head: string[], rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield* head;
  yield* rest;
}
