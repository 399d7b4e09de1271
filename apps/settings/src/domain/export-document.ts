import {
  ConfigurationPart,
  ConfigurationSection,
  LapwingError,
  SettingName,
  TunableSettings,
  entryRefusal,
  readEntry,
  refuseUnkept,
  type SectionCounts,
} from '@lapwing/contracts';
import { z } from 'zod';

const MAX_LINES = 1000;
/** Each line becomes one message to its owner, and is read in one go. */
const MAX_LINE = 2 ** 21;
const NEWLINE = 10;

/** The first line of an exported configuration: where it comes from, and what is in it. */
export const ExportAbout = z.strictObject({
  exportedAt: z.iso.datetime(),
  /** The version of Lapwing that wrote it. */
  from: z.string().max(64),
  /** How many entries each section has; a section that is not named is not in it. */
  sections: z.record(z.string().max(64), z.int().nonnegative()),
});
/** See {@link ExportAbout}. */
export type ExportAbout = z.infer<typeof ExportAbout>;

/** What is in a file: which sections with how many entries, and their entries piece by piece. */
export interface ExportDocument {
  about: ExportAbout;
  counts: SectionCounts;
  parts: ConfigurationPart[];
}

const broken = (message: string, section: string, field: string): LapwingError =>
  new LapwingError('INVALID_INPUT', `${message}; nothing was changed`, { section, field });

/** The lines of a text, each as JSON: reading them one by one leaves others their turn. @throws LapwingError `INVALID_INPUT`. */
export function* linesOf(plain: Buffer): Generator {
  for (let from = 0, number = 0; from < plain.length; number++) {
    const found = plain.indexOf(NEWLINE, from);
    const to = found < 0 ? plain.length : found;
    if (number >= MAX_LINES || to - from > MAX_LINE)
      throw broken('the file has more or longer lines than Lapwing writes', 'document', `${number}`);
    yield parsed(plain.subarray(from, to).toString('utf8'), number);
    from = to + 1;
  }
}

function parsed(line: string, number: number): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw broken(`line ${number} of what the file holds is no JSON`, 'document', `${number}`);
  }
}

/** Puts the lines of a file together, one after the other. What its entries are worth is for their owners to say. */
export class DocumentReader {
  #about: ExportAbout | undefined;
  readonly #parts: ConfigurationPart[] = [];
  readonly #counts: SectionCounts = {};

  /** Takes one more line. @throws LapwingError `INVALID_INPUT` with section and field. */
  take(line: unknown): void {
    if (!this.#about) {
      this.#about = readAbout(line);
      return;
    }
    const part = ConfigurationPart.safeParse(line);
    if (!part.success) throw brokenPart(line, part.error);
    const { section, entries } = part.data;
    if (!Object.hasOwn(this.#about.sections, section))
      throw entryRefusal({ section, field: '', message: 'is in the file, but not in its first line' });
    this.#counts[section] = (this.#counts[section] ?? 0) + entries.length;
    this.#parts.push(part.data);
  }

  /** All of it. @throws LapwingError `INVALID_INPUT` when something is missing. */
  end(): ExportDocument {
    if (!this.#about) throw broken('the file is empty', 'document', '');
    const { sections } = this.#about;
    for (const section of ConfigurationSection.options) {
      const expected = sections[section];
      // A section without entries may have no line of its own: it is emptied all the same.
      if (expected === 0 && this.#counts[section] === undefined) this.take({ section, entries: [] });
      const count = this.#counts[section];
      if (expected !== count)
        throw entryRefusal({ section, field: '', message: `has ${count ?? 0} entries in place of ${expected ?? 0}` });
    }
    return { about: this.#about, counts: this.#counts, parts: this.#parts };
  }
}

function readAbout(line: unknown): ExportAbout {
  const about = ExportAbout.safeParse(line);
  if (!about.success) {
    const field = about.error.issues[0]?.path.join('.') ?? '';
    throw broken('the first line of what the file holds is not what Lapwing writes', 'document', field);
  }
  const unknown = Object.keys(about.data.sections).find((name) => !ConfigurationSection.safeParse(name).success);
  if (unknown !== undefined)
    throw broken(`there is no section "${unknown}" here; the file comes from version ${about.data.from}`, unknown, '');
  return about.data;
}

function brokenPart(line: unknown, error: z.ZodError): LapwingError {
  const { section } = (typeof line === 'object' && line !== null ? line : {}) as { section?: unknown };
  const named = typeof section === 'string' ? section.slice(0, 64) : 'document';
  return broken(
    `a piece of ${named} is not what Lapwing writes`,
    named,
    error.issues[0]?.path.join('.').slice(0, 200) ?? '',
  );
}

/** What the file says about the settings of the system; undefined when it has no such section. @throws LapwingError `INVALID_INPUT`. */
export function systemOf({ parts }: ExportDocument): TunableSettings | undefined {
  const own = parts.filter(({ section }) => section === 'system');
  if (own.length === 0) return undefined;
  const entries = own.flatMap((part) => part.entries);
  if (entries.length !== 1) throw entryRefusal({ section: 'system', field: '', message: 'must hold one entry' });
  refuseUnkept('system', entries[0], 0);
  return readEntry('system', TunableSettings.strict(), entries[0], 0);
}

/** The settings as they are carried away: what people set, without the revision and without what the environment holds fast. */
export function tunable(settings: TunableSettings): Record<string, unknown> {
  return Object.fromEntries(SettingName.options.map((name) => [name, settings[name]]));
}
