import { constants, deflateRaw, gzip } from 'node:zlib';
import { promisify } from 'node:util';

const gzipped = promisify(gzip);
const deflated = promisify(deflateRaw);
/** Fast rather than small: the next one comes in seconds. */
const LEVEL = constants.Z_BEST_SPEED;

/** The entities of one list, each as JSON, by id. */
export type Fragments = ReadonlyMap<string, string>;

/** What has changed from one document to the next: entities that are new or other, and the ids of those that are gone, by list. */
export interface Delta {
  set: Record<string, string[]>;
  removed: Record<string, string[]>;
}

/**
 * The whole state at one moment, written once for all who read it: as JSON, and compressed for those who take it so. Lists whose name has a
 * dot stand in an object.
 */
export class StateDocument {
  readonly bytes: Buffer;
  #gzip: Promise<Buffer> | undefined;
  #frame: { plain: Buffer; deflated: Promise<Buffer> } | undefined;

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

  /** The text of a message of this type whose data is the state, plain and as raw deflate. */
  message(type: string, timestamp: string): { plain: Buffer; deflated: Promise<Buffer> } {
    if (type === 'rawData' && this.#frame) return this.#frame;
    const head = Buffer.from(`{"type":${JSON.stringify(type)},"data":`);
    const plain = Buffer.concat([head, this.bytes, Buffer.from(`,"timestamp":${JSON.stringify(timestamp)}}`)]);
    let packed: Promise<Buffer> | undefined;
    const frame = {
      plain,
      get deflated() {
        packed ??= deflated(plain, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
        return packed;
      },
    };
    if (type === 'rawData') this.#frame = frame;
    return frame;
  }

  /** What has changed since an earlier document. */
  since(earlier: StateDocument): Delta {
    const delta: Delta = { set: {}, removed: {} };
    for (const [name, fragments] of this.lists) {
      const before = earlier.lists.get(name);
      if (before === fragments) continue;
      const set = [...fragments].filter(([id, text]) => before?.get(id) !== text).map(([, text]) => text);
      const removed = [...(before?.keys() ?? [])].filter((id) => !fragments.has(id));
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

function write(lists: ReadonlyMap<string, Fragments>, values: Readonly<Record<string, string>>): string {
  const parts: string[] = [];
  const nested = new Map<string, string[]>();
  for (const [name, fragments] of lists) {
    const [outer = name, inner] = name.split('.');
    const text = `[${[...fragments.values()].join(',')}]`;
    if (inner === undefined) parts.push(`${JSON.stringify(name)}:${text}`);
    else nested.set(outer, [...(nested.get(outer) ?? []), `${JSON.stringify(inner)}:${text}`]);
  }
  for (const [outer, inner] of nested) parts.push(`${JSON.stringify(outer)}:{${inner.join(',')}}`);
  for (const [name, text] of Object.entries(values)) parts.push(`${JSON.stringify(name)}:${text}`);
  return `{${parts.join(',')}}`;
}
