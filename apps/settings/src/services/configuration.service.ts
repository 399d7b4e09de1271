import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  auditOccurred,
  covers,
  configurationOwners,
  ownedConfiguration,
  type Actor,
  type ConfigurationPart,
  type SectionCounts,
  type SystemSettings,
  type TunableSettings,
} from '@lapwing/contracts';
import { randomBytes, randomUUID } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';
import { DocumentReader, linesOf, systemOf, tunable, type ExportDocument } from '../domain/export-document.js';
import { MAX_PLAIN, openFile, sealFile } from '../domain/export-file.js';
import type { ImportsService } from './imports.service.js';
import { Turns } from './turns.js';

/** What exports and imports are made with. */
export interface ConfigurationParts {
  bus: Bus;
  imports: ImportsService;
  /** The settings of the system as they are in force. */
  read: () => Promise<SystemSettings>;
  /** The version of Lapwing. */
  version: string;
}

/** Pages of one owner; more would be a fault of his. */
const MAX_PAGES = 500;
/** A key takes 32 MiB while it is made. */
const AT_ONCE = 2;
const MOST_WAITING = 8;

/** The whole configuration as one encrypted file, and back. */
export class ConfigurationService {
  readonly #turns = new Turns(AT_ONCE, MOST_WAITING);

  constructor(private readonly parts: ConfigurationParts) {}

  /** Collects and encrypts it. It is in the audit trail before anybody gets it. `TOO_LARGE`, `UNAVAILABLE`, `IMPORT_IN_PROGRESS`. */
  export(passphrase: string, actor: Actor): Promise<{ data: string; sections: SectionCounts }> {
    return this.#turns.take(async () => {
      const before = await this.parts.imports.newest();
      const { lines, sections } = await this.#collected();
      const about = { exportedAt: new Date().toISOString(), from: this.parts.version, sections };
      const plain = Buffer.concat([lineOf(about), ...lines]);
      const data = await sealFile(passphrase, plain, { salt: randomBytes(16), nonce: randomBytes(12) });
      if ((await this.parts.imports.newest()) !== before)
        throw new LapwingError('IMPORT_IN_PROGRESS', 'an import came between: export again');
      await this.#tellExport(actor, sections);
      return { data, sections };
    });
  }

  /** Replaces what a file has. Errors as those of `openFile` and of {@link ImportsService.run}. */
  async import(passphrase: string, data: string, actor: Actor): Promise<{ importId: string; sections: SectionCounts }> {
    const document = await this.#turns.take(async () => readDocument(await openFile(passphrase, data)));
    const wanted = systemOf(document);
    const system = wanted && (await this.#permitted(wanted, actor));
    const importId = await this.parts.imports.run(document, system, actor);
    return { importId, sections: document.counts };
  }

  /**
   * Who may import alone, perhaps without a credential from a private network, cannot switch off credentials for everybody, nor have more deleted:
   * that wants the permission to change settings.
   */
  async #permitted(wanted: TunableSettings, { permissions }: Actor): Promise<TunableSettings> {
    if (covers(permissions, 'settings:manage')) return wanted;
    const { apiKeyEnabled, retentionDays } = await this.parts.read();
    return { ...wanted, apiKeyEnabled, retentionDays: Math.max(retentionDays, wanted.retentionDays) };
  }

  async #collected(): Promise<{ lines: Buffer[]; sections: SectionCounts }> {
    const lines: Buffer[] = [];
    const sections: SectionCounts = {};
    let bytes = 0;
    const add = (part: ConfigurationPart): void => {
      sections[part.section] = (sections[part.section] ?? 0) + part.entries.length;
      if (part.entries.length === 0) return;
      const line = lineOf(part);
      bytes += line.length;
      if (bytes > MAX_PLAIN)
        throw new LapwingError(
          'TOO_LARGE',
          `the configuration has more than ${MAX_PLAIN} bytes: shorten notes about guests`,
        );
      lines.push(line);
    };
    add({ section: 'system', entries: [tunable(await this.parts.read())] });
    for (const owner of configurationOwners)
      for await (const part of this.#pages(owner)) {
        add(part);
        await breathe();
      }
    return { lines, sections };
  }

  async *#pages(owner: (typeof configurationOwners)[number]): AsyncGenerator<ConfigurationPart> {
    let after = '';
    for (let page = 0; page < MAX_PAGES; page++) {
      const { parts, next } = await this.parts.bus.request(ownedConfiguration[owner].list, { after });
      yield* parts;
      if (next === null) return;
      after = next;
    }
    throw new Error(`${owner} tells of its configuration without an end`);
  }

  async #tellExport({ name, userId, address }: Actor, sections: SectionCounts): Promise<void> {
    const eventId = randomUUID();
    const fact = { type: 'configuration', action: 'exported', target: 'configuration', details: { sections } };
    const event = { ...fact, eventId, time: Date.now(), actor: { name, userId, address } };
    await this.parts.bus.publish(auditOccurred, 'settings', event, eventId);
  }
}

const lineOf = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`);

async function readDocument(plain: Buffer): Promise<ExportDocument> {
  const reader = new DocumentReader();
  for (const line of linesOf(plain)) {
    reader.take(line);
    await breathe();
  }
  return reader.end();
}
