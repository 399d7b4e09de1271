import { z } from 'zod';
import { request } from './define.js';
import { Actor } from './identity.js';

/** The services that keep configuration for which somebody else decides when it is replaced. */
export const configurationOwners = ['fleet', 'alerting'] as const;
/** One of {@link configurationOwners}. */
export type ConfigurationOwner = (typeof configurationOwners)[number];

/** The sections of an exported configuration, each with the service that keeps it. */
export const configurationSections = {
  nodes: 'fleet',
  guestMetadata: 'fleet',
  alerts: 'alerting',
  maintenance: 'alerting',
  email: 'alerting',
  webhooks: 'alerting',
  system: 'settings',
} as const satisfies Record<string, ConfigurationOwner | 'settings'>;
/** The name of a section. */
export type ConfigurationSection = keyof typeof configurationSections;
/** See {@link ConfigurationSection}. */
export const ConfigurationSection = z.enum(
  Object.keys(configurationSections) as [ConfigurationSection, ...ConfigurationSection[]],
);

/** A piece of a section. What an entry may be is for its owner to say: docs/configuration-export.md tells for all. */
export const ConfigurationPart = z.object({
  section: ConfigurationSection,
  entries: z.array(z.unknown()).max(1000),
});
/** See {@link ConfigurationPart}. */
export type ConfigurationPart = z.infer<typeof ConfigurationPart>;

/** How many entries of each section. */
export const SectionCounts = z.partialRecord(ConfigurationSection, z.int().nonnegative());
/** See {@link SectionCounts}. */
export type SectionCounts = z.infer<typeof SectionCounts>;

/** Length of a pass phrase, in characters. */
export const PASSPHRASE_LENGTH = { min: 12, max: 1024 } as const;
/** The most characters of an exported configuration (base64): with all beside it, it fits into one message of the bus and one body. */
export const MAX_EXPORT_LENGTH = 3_600_000;

const ImportId = z.object({ importId: z.uuid() });
const PART_MS = 15_000;

function ownedBy(service: ConfigurationOwner) {
  return {
    service,
    /**
     * What the service keeps, page by page, **with secrets**: for `settings` alone. `after` is the `next` of the page before.
     * Each page has at most 500 kB and at least one entry, but for the last.
     */
    list: request(`req.${service}.configuration.list.v1`, {
      input: z.object({ after: z.string().max(400).default('') }),
      output: z.object({ parts: z.array(ConfigurationPart).max(10), next: z.string().nullable() }),
      deadlineMs: PART_MS,
    }),
    /**
     * Keeps a piece of what may come to hold, sealed. With `isLast` all pieces are judged together, as the service's own API would: `INVALID_INPUT`
     * with `section` and `field` in `details`. `PRECONDITION_FAILED` when the import was given up or is applied. Nothing holds yet.
     */
    stage: request(`req.${service}.configuration.stage.v1`, {
      input: ImportId.extend({
        number: z.int().min(0).max(1000),
        part: ConfigurationPart,
        isLast: z.boolean(),
      }),
      output: z.object({ counts: SectionCounts }),
      deadlineMs: PART_MS,
    }),
    /** Replaces what is kept by what was staged, all of it or nothing, once however often it is asked. `NOT_FOUND` when nothing was staged. */
    apply: request(`req.${service}.configuration.apply.v1`, {
      input: ImportId,
      output: z.object({}),
      deadlineMs: PART_MS,
    }),
    /** Forgets what was staged; what comes for this import later is refused. */
    discard: request(`req.${service}.configuration.discard.v1`, { input: ImportId, output: z.object({}) }),
  };
}

/** The questions to each owner. The gateway may ask none of them: answers and questions hold secrets. */
export const ownedConfiguration = { fleet: ownedBy('fleet'), alerting: ownedBy('alerting') };

/** All of them. */
export const ownedConfigurationRequests = Object.values(ownedConfiguration).flatMap(
  ({ list, stage, apply, discard }) => [list, stage, apply, discard],
);

const Passphrase = z
  .string()
  .min(PASSPHRASE_LENGTH.min, `a pass phrase of at least ${PASSPHRASE_LENGTH.min} characters`)
  .max(PASSPHRASE_LENGTH.max, `a pass phrase of at most ${PASSPHRASE_LENGTH.max} characters`);
const FileText = z.string().min(1).max(MAX_EXPORT_LENGTH, `at most ${MAX_EXPORT_LENGTH} characters`);

/** What somebody says who wants the configuration. */
export const ExportDraft = z.object({ passphrase: Passphrase });
/** What somebody says who brings a configuration. */
export const ImportDraft = z.object({ passphrase: Passphrase, data: FileText });

/** The whole configuration in one encrypted text (base64). `TOO_LARGE`; `UNAVAILABLE` when an owner is away. It is in the audit trail before it is told. */
export const configurationExport = request('req.settings.configuration.export.v1', {
  input: ExportDraft.extend({ actor: Actor }),
  output: z.object({ data: FileText, sections: SectionCounts }),
  deadlineMs: 40_000,
});

/**
 * Replaces the sections that a file has, over all services or not at all.
 * `EXPORT_UNREADABLE`, `INVALID_INPUT` with `section` and `field`, `IMPORT_IN_PROGRESS`; `UNAVAILABLE` says in `details.decided` whether it will be
 * completed (true) or nothing has changed (false).
 */
export const configurationImport = request('req.settings.configuration.import.v1', {
  input: ImportDraft.extend({ actor: Actor }),
  output: z.object({ importId: z.uuid(), sections: SectionCounts }),
  deadlineMs: 60_000,
});
