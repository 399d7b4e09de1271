import {
  ConfigurationPart,
  LapwingError,
  entryRefusal,
  readEntry,
  refuseUnkept,
  type AlertConfig,
  type InputOf,
  type OutputOf,
  type SectionCounts,
  type ownedConfiguration,
} from '@lapwing/contracts';
import type { Schema, StagedImports, Statements, Transaction } from '@lapwing/postgres';
import { setImmediate as breathe } from 'node:timers/promises';
import { checkEmail, type EmailSettings } from '../channels/email/settings.js';
import type { Webhook } from '../channels/webhook-channel.js';
import { ExportedEmail, ExportedWebhook, ExportedWindow, readRules } from '../domain/exported.js';
import { MAX_LENGTH } from '../domain/merge-config.js';
import { pieceOf } from '../domain/pieces.js';
import type { MaintenanceRow } from '../store/silence.store.js';
import { MAX_BYTES, MAX_WEBHOOKS, type ChannelsService } from './channels.service.js';
import { faultsOfPatterns, type ConfigService } from './config.service.js';
import { MAX_WINDOWS, type SilencesService } from './silences.service.js';

type Contracts = typeof ownedConfiguration.alerting;
const sections = ['alerts', 'maintenance', 'email', 'webhooks'] as const;
type Section = (typeof sections)[number];
/** The entries of a file, section by section; a section that it does not have is missing. */
type Entries = Partial<Record<Section, unknown[]>>;

/** What a file brings, judged; what is undefined is left as it is. */
interface Judged {
  alerts: AlertConfig | undefined;
  maintenance: MaintenanceRow[] | undefined;
  email: EmailSettings | undefined;
  webhooks: Webhook[] | undefined;
}

/** What exports and imports are made with. */
export interface ConfigurationParts {
  schema: Schema;
  imports: StagedImports;
  rules: ConfigService;
  channels: ChannelsService;
  silences: SilencesService;
}

const MAX_ENTRIES: Record<Section, number> = { alerts: 1, email: 1, webhooks: MAX_WEBHOOKS, maintenance: MAX_WINDOWS };

/** Rules, maintenance windows and channels, as they are carried away and come back. Silences are of the day, and stay. */
export class ConfigurationService {
  constructor(private readonly parts: ConfigurationParts) {}

  /** What there is after a place, `<section> <number>`, as much as fits into a message. */
  async page(after: string): Promise<OutputOf<Contracts['list']>> {
    const [name, number] = after.split(' ');
    const section = sections.find((one) => one === name) ?? 'alerts';
    const { piece: entries, next } = pieceOf(await this.#entries(section), Number(number ?? 0));
    const following = sections[sections.indexOf(section) + 1];
    const later = following === undefined ? null : `${following} 0`;
    return { parts: [{ section, entries }], next: next === null ? later : `${section} ${next}` };
  }

  async #entries(section: Section): Promise<unknown[]> {
    const { rules, silences, channels } = this.parts;
    if (section === 'alerts') return [await rules.kept()];
    if (section === 'maintenance') return (await silences.kept()).map(({ draft, ...rest }) => ({ ...draft, ...rest }));
    const { email, webhooks } = await channels.exported();
    return section === 'email' ? [email] : webhooks;
  }

  /** Keeps a piece; with the last of them all are judged. `INVALID_INPUT`, `PRECONDITION_FAILED`. */
  async stage({ importId, number, part, isLast }: InputOf<Contracts['stage']>): Promise<SectionCounts> {
    sectionOf(part);
    await this.parts.imports.add(importId, number, part);
    if (!isLast) return {};
    const entries = await this.#staged(this.parts.schema.plain('import.judge'), importId);
    await this.#judge(entries);
    return Object.fromEntries(Object.entries(entries).map(([section, all]) => [section, all.length]));
  }

  /** Replaces what the import has, once. `NOT_FOUND`. */
  async apply(importId: string): Promise<void> {
    const { schema, imports } = this.parts;
    const judged = await schema.transaction('import.apply', async (transaction) => {
      const state = await imports.state(transaction, importId);
      if (state === 'applied') return undefined;
      if (state !== 'staged') throw new LapwingError('NOT_FOUND', 'nothing is staged for this import', { importId });
      const found = await this.#judge(await this.#staged(transaction, importId));
      await this.#replace(transaction, found);
      await imports.applied(transaction, importId);
      return found;
    });
    if (judged) this.#tell(judged);
  }

  /** Forgets what was staged. */
  discard(importId: string): Promise<void> {
    return this.parts.imports.discard(importId);
  }

  async #replace(transaction: Transaction, { alerts, maintenance, email, webhooks }: Judged): Promise<void> {
    const { rules, silences, channels } = this.parts;
    // In the order of their locks.
    if (alerts) await rules.replace(transaction, alerts, 'import');
    if (email ?? webhooks) await channels.replace(transaction, { email, webhooks });
    if (maintenance) await silences.replaceWindows(transaction, maintenance);
  }

  #tell({ alerts, maintenance, email, webhooks }: Judged): void {
    if (alerts) this.parts.rules.told(alerts);
    if (email ?? webhooks) this.parts.channels.told();
    if (maintenance) this.parts.silences.toldWindows();
  }

  async #staged(statements: Statements, importId: string): Promise<Entries> {
    const entries: Entries = {};
    for await (const piece of this.parts.imports.pieces(statements, importId)) {
      const part = ConfigurationPart.parse(piece);
      const section = sectionOf(part);
      const all = (entries[section] ??= []);
      all.push(...part.entries);
      const most = MAX_ENTRIES[section];
      if (all.length > most)
        throw entryRefusal({ section, field: String(most), message: `at most ${most} entries can be kept` });
      await breathe();
    }
    return entries;
  }

  async #judge({ alerts, maintenance, email, webhooks }: Entries): Promise<Judged> {
    return {
      alerts: alerts && (await judgedRules(only('alerts', alerts))),
      maintenance: maintenance && judgedWindows(maintenance),
      email: email && judgedEmail(only('email', email)),
      webhooks: webhooks && (await this.#judgedWebhooks(webhooks)),
    };
  }

  async #judgedWebhooks(entries: unknown[]): Promise<Webhook[]> {
    const webhooks: Webhook[] = [];
    for (const [index, entry] of entries.entries()) {
      const webhook = readEntry('webhooks', ExportedWebhook, entry, index);
      const [problem] = this.parts.channels.problemsOf(webhook);
      if (problem !== undefined) throw entryRefusal({ section: 'webhooks', field: String(index), message: problem });
      webhooks.push(webhook);
      refuseDouble('webhooks', webhooks);
      await breathe();
    }
    const bytes = webhooks.reduce((sum, webhook) => sum + sealedLength(webhook), 0);
    if (bytes > MAX_BYTES)
      throw entryRefusal({ section: 'webhooks', field: '', message: `all together may have ${MAX_BYTES} bytes` });
    return webhooks;
  }
}

function sectionOf({ section }: ConfigurationPart): Section {
  const found = sections.find((one) => one === section);
  if (!found) throw entryRefusal({ section, field: '', message: 'is no section of alerting' });
  return found;
}

/** As the API counts it: sealing adds a nonce and a tag. */
const sealedLength = (webhook: Webhook): number => Buffer.byteLength(JSON.stringify({ kind: 'webhook', webhook })) + 28;

function only(section: Section, entries: unknown[]): unknown {
  if (entries.length !== 1) throw entryRefusal({ section, field: '', message: 'must hold one entry' });
  return entries[0];
}

async function judgedRules(entry: unknown): Promise<AlertConfig> {
  refuseUnkept('alerts', entry, 0);
  const config = readRules(entry);
  if (JSON.stringify(config).length > MAX_LENGTH)
    throw entryRefusal({ section: 'alerts', field: '0', message: `may be ${MAX_LENGTH} characters long` });
  const [fault] = await faultsOfPatterns({ logRules: [] }, config);
  if (fault) throw entryRefusal({ section: 'alerts', field: `0.${fault.field}`, message: fault.message });
  return config;
}

function judgedEmail(entry: unknown): EmailSettings {
  const settings = readEntry('email', ExportedEmail, entry, 0);
  // What is switched off may be unfinished.
  const [problem] = settings.enabled ? checkEmail(settings) : [];
  if (problem !== undefined) throw entryRefusal({ section: 'email', field: '0', message: problem });
  return settings;
}

function judgedWindows(entries: unknown[]): MaintenanceRow[] {
  const windows: MaintenanceRow[] = [];
  for (const [index, entry] of entries.entries()) {
    refuseUnkept('maintenance', entry, index);
    const { id, createdBy, createdAt, ...draft } = readEntry('maintenance', ExportedWindow, entry, index);
    windows.push({ id, draft, createdBy, createdAt });
    refuseDouble('maintenance', windows);
  }
  return windows;
}

/** The last of them must have an id of its own. */
function refuseDouble(section: Section, entries: readonly { id: string }[]): void {
  const last = entries.length - 1;
  if (entries.findIndex(({ id }) => id === entries[last]?.id) !== last)
    throw entryRefusal({ section, field: `${last}.id`, message: 'another entry of the file has the same' });
}
