import {
  GuestMetadata,
  GuestMetadataChanges,
  NodeDraft,
  TargetId,
  entryRefusal,
  monitorFlags,
  nodeTypes,
  readEntry,
  refuseUnkept,
  type NodeSecret,
} from '@lapwing/contracts';
import { z } from 'zod';
import { guestIdOf } from './guest-id.js';
import { judgeDraft, type NodeFields } from './node-draft.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);
const { name, host, user, password, tokenName, tokenValue, fingerprint, caCertificate } = NodeDraft.shape;

/** A configured node as an exported configuration has it: with its secrets, in the clear. */
export const ExportedNode = z.strictObject({
  id: TargetId,
  type: z.enum(nodeTypes),
  name: name.unwrap().min(1),
  host,
  user: user.unwrap(),
  password: password.unwrap(),
  tokenName: tokenName.unwrap(),
  tokenValue: tokenValue.unwrap(),
  fingerprint: fingerprint.unwrap(),
  caCertificate: caCertificate.unwrap(),
  verifySSL: z.boolean(),
  monitor: z.partialRecord(z.enum(monitorFlags), z.boolean()),
  source: z.enum(['manual', 'registered']),
  createdAt: Instant,
});
/** See {@link ExportedNode}. */
export type ExportedNode = z.infer<typeof ExportedNode>;

const { consoleUrl, notes, description, tags } = GuestMetadataChanges.shape;

/** Notes about a guest as an exported configuration has them. */
export const ExportedGuest = z.strictObject({
  id: GuestMetadata.shape.id.max(300),
  consoleUrl: consoleUrl.unwrap(),
  notes: notes.unwrap(),
  description: description.unwrap(),
  tags: tags.unwrap(),
});

/** A node of an import that may be kept. */
export interface ImportedNode {
  id: string;
  fields: NodeFields;
  secret: NodeSecret;
  source: ExportedNode['source'];
  createdAt: number;
}

/** What must differ between entries, and how many there may be; remembers what came before. */
export class NodeImport {
  readonly nodes: ImportedNode[] = [];
  readonly #taken = new Set<string>();

  /** @param most how many nodes there may be. */
  constructor(private readonly most: number) {}

  /** Judges one more, as one that somebody adds by the API. @throws LapwingError `INVALID_INPUT` with section and field. */
  add(entry: unknown): void {
    const index = this.nodes.length;
    const refuse = (field: string, message: string): never => {
      throw entryRefusal({ section: 'nodes', field: [index, field].filter((part) => part !== '').join('.'), message });
    };
    if (index >= this.most) refuse('', `at most ${this.most} nodes can be configured`);
    refuseUnkept('nodes', entry, index);
    const { id, monitor, source, createdAt, ...draft } = readEntry('nodes', ExportedNode, entry, index);
    const verdict = judgeDraft({ ...draft, ...monitor });
    if ('problem' in verdict) return refuse('', verdict.problem);
    const { type, host: address, name: called } = verdict.fields;
    for (const [field, value] of Object.entries({ id, host: `${type} ${address}`, name: `${type} ${called}` })) {
      if (this.#taken.has(`${field} ${value}`)) refuse(field, 'another node in the file has the same');
      this.#taken.add(`${field} ${value}`);
    }
    this.nodes.push({ id, ...verdict, source, createdAt });
  }
}

/** The same for notes about guests. */
export class GuestImport {
  readonly guests: GuestMetadata[] = [];
  readonly #taken = new Set<string>();

  /** @param most how many guests may have notes. */
  constructor(private readonly most: number) {}

  /** Judges one more. @throws LapwingError `INVALID_INPUT` with section and field. */
  add(entry: unknown): void {
    const index = this.guests.length;
    const refuse = (field: string, message: string): never => {
      throw entryRefusal({ section: 'guestMetadata', field: `${index}.${field}`, message });
    };
    if (index >= this.most) refuse('id', `at most ${this.most} guests can have notes`);
    refuseUnkept('guestMetadata', entry, index);
    const guest = readEntry('guestMetadata', ExportedGuest, entry, index);
    const id = guestIdOf(guest.id);
    if (id !== guest.id) refuse('id', 'the id of a guest is node:vmid');
    if (this.#taken.has(guest.id)) refuse('id', 'another entry of the file is about the same guest');
    this.#taken.add(guest.id);
    this.guests.push(guest);
  }
}
