import {
  LapwingError,
  type GuestMetadata,
  type InputOf,
  type OutputOf,
  type guestmetadataList,
  type guestmetadataUpdate,
} from '@lapwing/contracts';
import type { Schema, Transaction } from '@lapwing/postgres';
import { guestIdOf } from '../domain/guest-id.js';
import { pageOf } from '../domain/pages.js';
import type { GuestMetadataStore } from '../store/guest-metadata.store.js';

const LOCK = 7_524_615;
const ROWS = 500;
/** How many guests may have notes. */
export const MAX_GUESTS = 20_000;
const AT_ONCE = 500;

const empty = (id: string): GuestMetadata => ({ id, consoleUrl: '', notes: '', description: '', tags: [] });

/** What people note about guests. */
export class GuestMetadataService {
  constructor(
    private readonly schema: Schema,
    private readonly store: GuestMetadataStore,
  ) {}

  /** Notes after those of one guest, as many as fit into a message. */
  async page(after: string): Promise<OutputOf<typeof guestmetadataList>> {
    const { page, next } = pageOf(await this.store.page(after, ROWS), ROWS, ({ id }) => id);
    return { guests: page, next };
  }

  /** The notes about a guest; empty ones where there are none. `INVALID_INPUT`. */
  async get(text: string): Promise<GuestMetadata> {
    const id = idOf(text);
    return (await this.store.find(this.schema.plain('guest_metadata.find'), id)) ?? empty(id);
  }

  /** Changes what is given. `INVALID_INPUT`. */
  async update({ id: text, changes }: InputOf<typeof guestmetadataUpdate>): Promise<GuestMetadata> {
    const id = idOf(text);
    return this.schema.exclusive('guest_metadata.update', { kind: LOCK }, async (transaction) => {
      const known = await this.store.find(transaction, id);
      if (!known && (await this.store.count(transaction)) >= MAX_GUESTS)
        throw new LapwingError('INVALID_INPUT', `at most ${MAX_GUESTS} guests can have notes`);
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      const merged = { ...(known ?? empty(id)), ...given };
      await this.store.put(transaction, merged, Date.now());
      return merged;
    });
  }

  /** Has these instead of those that there are. */
  async replace(transaction: Transaction, guests: GuestMetadata[]): Promise<void> {
    await this.schema.hold(transaction, { kind: LOCK });
    await this.store.clear(transaction);
    for (let from = 0; from < guests.length; from += AT_ONCE)
      await this.store.putAll(transaction, guests.slice(from, from + AT_ONCE), Date.now());
  }

  /** Forgets the notes, if there are any. `INVALID_INPUT`. */
  async delete(text: string): Promise<void> {
    await this.store.delete(idOf(text));
  }
}

function idOf(text: string): string {
  const id = guestIdOf(text);
  if (id === undefined)
    throw new LapwingError('INVALID_INPUT', 'the id of a guest is node:vmid, node/vmid or instance-node-vmid');
  return id;
}
