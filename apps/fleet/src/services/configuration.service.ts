import {
  ConfigurationPart,
  LapwingError,
  entryRefusal,
  type InputOf,
  type OutputOf,
  type SectionCounts,
  type ownedConfiguration,
} from '@lapwing/contracts';
import type { Schema, StagedImports, Statements } from '@lapwing/postgres';
import { setImmediate as breathe } from 'node:timers/promises';
import { GuestImport, NodeImport } from '../domain/exported.js';
import { pageOf } from '../domain/pages.js';
import { MAX_GUESTS, type GuestMetadataService } from './guest-metadata.service.js';
import { MAX_NODES, type NodesService } from './nodes.service.js';

type Contracts = typeof ownedConfiguration.fleet;
type Section = 'nodes' | 'guestMetadata';

/** What exports and imports are made with. */
export interface ConfigurationParts {
  schema: Schema;
  imports: StagedImports;
  nodes: NodesService;
  guests: GuestMetadataService;
}

/** What a file brings, judged. A section that it does not have is left as it is. */
interface Judged {
  nodes: NodeImport | undefined;
  guests: GuestImport | undefined;
}

const GUESTS = 'guests ';
const PAGE = 50;
/** So many are judged before others have their turn. */
const STRETCH = 10;

/** Nodes and notes about guests, as they are carried away and come back. */
export class ConfigurationService {
  constructor(private readonly parts: ConfigurationParts) {}

  /** What there is after a place, as much as fits into a message: first the nodes, then the notes. */
  async page(after: string): Promise<OutputOf<Contracts['list']>> {
    if (after.startsWith(GUESTS)) return this.#guestPage(after.slice(GUESTS.length));
    const found = await this.parts.nodes.exported(after, PAGE);
    const { page: entries, next } = pageOf(found, PAGE, ({ id }) => id);
    return { parts: [{ section: 'nodes', entries }], next: next ?? GUESTS };
  }

  async #guestPage(after: string): Promise<OutputOf<Contracts['list']>> {
    const { guests: entries, next } = await this.parts.guests.page(after);
    return { parts: [{ section: 'guestMetadata', entries }], next: next === null ? null : `${GUESTS}${next}` };
  }

  /** Keeps a piece; with the last of them all are judged. `INVALID_INPUT`, `PRECONDITION_FAILED`. */
  async stage({ importId, number, part, isLast }: InputOf<Contracts['stage']>): Promise<SectionCounts> {
    sectionOf(part);
    await this.parts.imports.add(importId, number, part);
    return isLast ? countsOf(await this.#judge(this.parts.schema.plain('import.judge'), importId)) : {};
  }

  /** Replaces what the import has, once. `NOT_FOUND`. */
  async apply(importId: string): Promise<void> {
    const { schema, imports } = this.parts;
    const changes = await schema.transaction('import.apply', async (transaction) => {
      const state = await imports.state(transaction, importId);
      if (state === 'applied') return [];
      if (state !== 'staged') throw new LapwingError('NOT_FOUND', 'nothing is staged for this import', { importId });
      const { nodes, guests } = await this.#judge(transaction, importId);
      const told = nodes ? await this.parts.nodes.replace(transaction, nodes.nodes) : [];
      if (guests) await this.parts.guests.replace(transaction, guests.guests);
      await imports.applied(transaction, importId);
      return told;
    });
    await this.parts.nodes.tell(changes);
  }

  /** Forgets what was staged. */
  discard(importId: string): Promise<void> {
    return this.parts.imports.discard(importId);
  }

  async #judge(statements: Statements, importId: string): Promise<Judged> {
    const judged: Judged = { nodes: undefined, guests: undefined };
    let count = 0;
    for await (const piece of this.parts.imports.pieces(statements, importId)) {
      const part = ConfigurationPart.parse(piece);
      const into =
        sectionOf(part) === 'nodes'
          ? (judged.nodes ??= new NodeImport(MAX_NODES))
          : (judged.guests ??= new GuestImport(MAX_GUESTS));
      for (const entry of part.entries) {
        into.add(entry);
        if (++count % STRETCH === 0) await breathe();
      }
    }
    return judged;
  }
}

function sectionOf({ section }: ConfigurationPart): Section {
  if (section === 'nodes' || section === 'guestMetadata') return section;
  throw entryRefusal({ section, field: '', message: 'is no section of fleet' });
}

function countsOf({ nodes, guests }: Judged): SectionCounts {
  return {
    ...(nodes && { nodes: nodes.nodes.length }),
    ...(guests && { guestMetadata: guests.guests.length }),
  };
}
