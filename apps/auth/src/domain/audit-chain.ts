/** What an entry of the audit trail says, before it is signed. */
export interface AuditContent {
  id: number;
  /** Milliseconds since 1970, UTC. */
  time: number;
  type: string;
  action: string;
  target: string;
  user: string;
  userId: string | null;
  address: string;
  /** JSON with sorted keys. */
  details: string;
}

/** What comes before the first entry. */
export const BEGINNING = '0'.repeat(64);

/** JSON whose text depends on the value alone: keys sorted, no spaces. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const pairs = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}

/** The text that an entry's hash is made of: the hash before it and each field, so that none can be moved or changed. */
export function signedText(previous: string, entry: AuditContent): string {
  const { id, time, type, action, target, user, userId, address, details } = entry;
  return JSON.stringify([previous, id, time, type, action, target, user, userId, address, details]);
}

/** What is wrong with a chain, at which entry. */
export interface ChainFault {
  id: number;
  fault: string;
}

/**
 * Walks along the chain, entry by entry in the order of their ids, and finds the first that was edited, removed, added or
 * moved.
 */
export class ChainWalk {
  #previous: string;
  #id: number;

  /**
   * @param sign makes the hash of a text.
   * @param from the entry that was found right before; the beginning without.
   */
  constructor(
    private readonly sign: (text: string) => string,
    from: { id: number; hash: string } = { id: 0, hash: BEGINNING },
  ) {
    this.#id = from.id;
    this.#previous = from.hash;
  }

  /** How many entries were right, and the hash of the last. */
  get end(): { id: number; hash: string } {
    return { id: this.#id, hash: this.#previous };
  }

  /** The next entry. Returns what is wrong with it. */
  next(entry: AuditContent & { hash: string }): ChainFault | undefined {
    if (entry.id !== this.#id + 1)
      return { id: this.#id + 1, fault: `entry ${this.#id + 1} is missing, entry ${entry.id} comes instead` };
    if (entry.hash !== this.sign(signedText(this.#previous, entry)))
      return { id: entry.id, fault: `entry ${entry.id} was changed, or does not follow the one before it` };
    this.#previous = entry.hash;
    this.#id = entry.id;
    return undefined;
  }
}
