import { constants, deflateRaw, gzip } from 'node:zlib';
import { promisify } from 'node:util';

const gzipped = promisify(gzip);
const deflated = promisify(deflateRaw);
/** Fast rather than small: the next one comes in seconds. */
const LEVEL = constants.Z_BEST_SPEED;

/** Stands between where an entity comes from and its id, in the key of its fragment. */
export const KEY_END = '\n';

/** The entities of one list, each as JSON, by key: where they come from, and their id. */
export type Fragments = ReadonlyMap<string, string>;

/** What has changed from one document to the next: entities that are new or other, and the ids of those that are gone, by list. */
export interface Delta {
  set: Record<string, string[]>;
  removed: Record<string, string[]>;
}

/** A message with the whole state. */
export interface StateMessage {
  plain: Buffer;
  /** Without the end of the stream: up to a flush. */
  deflated: () => Promise<Buffer>;
}

/**
 * The whole state at one moment, written once for all who read it: as JSON, and compressed for those who take it so. Lists whose name has a
 * dot stand in an object.
 */
export class StateDocument {
  readonly bytes: Buffer;
  #gzip: Promise<Buffer> | undefined;
  readonly #messages = new Map<string, StateMessage>();
  readonly #packets = new Map<string, { text: string; bytes: Buffer }>();
  readonly writtenAt = new Date().toISOString();

  /**
   * @param version grows by one with each document.
   * @param lists the entities by list.
   * @param values what is no list, as JSON.
   */
  constructor(
    readonly version: number,
    readonly lists: ReadonlyMap<string, Fragments>,
    readonly values: Readonly<Record<string, string>>,
  ) {
    this.bytes = Buffer.from(write(lists, values));
  }

  /** As gzip. */
  gzip(): Promise<Buffer> {
    this.#gzip ??= gzipped(this.bytes, { level: LEVEL });
    return this.#gzip;
  }

  /** A message of this type whose data is the state, plain and as raw deflate; made once for all who get it. */
  message(type: string): StateMessage {
    const known = this.#messages.get(type);
    if (known) return known;
    const plain = Buffer.concat([
      Buffer.from(`{"type":${JSON.stringify(type)},"data":`),
      this.bytes,
      Buffer.from(`,"timestamp":${JSON.stringify(this.writtenAt)}}`),
    ]);
    let packed: Promise<Buffer> | undefined;
    const message: StateMessage = {
      plain,
      deflated: () => (packed ??= deflated(plain, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH })),
    };
    this.#messages.set(type, message);
    return message;
  }

  /** The packet of Socket.IO (protocol 5, an event) with the state, and its bytes on a WebSocket; made once for all who get it. */
  packet(type: string): { text: string; bytes: Buffer } {
    const known = this.#packets.get(type);
    if (known) return known;
    const text = `2[${JSON.stringify(type)},${this.bytes.toString()}]`;
    // Engine.IO puts a 4 before a message.
    const packet = { text, bytes: Buffer.from(`4${text}`) };
    this.#packets.set(type, packet);
    return packet;
  }

  /** What has changed since an earlier document. */
  since(earlier: StateDocument): Delta {
    const delta: Delta = { set: {}, removed: {} };
    for (const [name, fragments] of this.lists) {
      const before = earlier.lists.get(name);
      if (before === fragments) continue;
      const set = [...fragments].filter(([key, text]) => before?.get(key) !== text).map(([, text]) => text);
      const removed = [...(before?.keys() ?? [])]
        .filter((key) => !fragments.has(key))
        .map((key) => key.slice(key.indexOf(KEY_END) + 1));
      if (set.length > 0) delta.set[name] = set;
      if (removed.length > 0) delta.removed[name] = removed;
    }
    return delta;
  }
}

/** A delta as JSON, with the values that are no lists, and the versions from which and to which it leads. */
export function writeDelta({ set, removed }: Delta, from: StateDocument, to: StateDocument): string {
  const sets = Object.entries(set).map(([name, texts]) => `${JSON.stringify(name)}:[${texts.join(',')}]`);
  const values = Object.entries(to.values)
    .filter(([name, text]) => from.values[name] !== text)
    .map(([name, text]) => `${JSON.stringify(name)}:${text}`);
  return `{"from":${from.version},"version":${to.version},"set":{${sets.join(',')}},"removed":${JSON.stringify(removed)},"values":{${values.join(',')}}}`;
}

/** A list that did not change is not put together anew. */
const texts = new WeakMap<Fragments, string>();

function textOf(fragments: Fragments): string {
  const text = texts.get(fragments) ?? `[${[...fragments.values()].join(',')}]`;
  texts.set(fragments, text);
  return text;
}

function write(lists: ReadonlyMap<string, Fragments>, values: Readonly<Record<string, string>>): string {
  const parts: string[] = [];
  const nested = new Map<string, string[]>();
  for (const [name, fragments] of lists) {
    const [outer = name, inner] = name.split('.');
    const text = textOf(fragments);
    if (inner === undefined) parts.push(`${JSON.stringify(name)}:${text}`);
    else nested.set(outer, [...(nested.get(outer) ?? []), `${JSON.stringify(inner)}:${text}`]);
  }
  for (const [outer, inner] of nested) parts.push(`${JSON.stringify(outer)}:{${inner.join(',')}}`);
  for (const [name, text] of Object.entries(values)) parts.push(`${JSON.stringify(name)}:${text}`);
  return `{${parts.join(',')}}`;
}
