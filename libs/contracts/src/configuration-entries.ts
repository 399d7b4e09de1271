import { z } from 'zod';
import type { ConfigurationSection } from './configuration.js';
import { LapwingError } from './errors.js';

/** The entries of a section with one schema, or the first thing that is wrong with them. */
export interface EntryFault {
  section: ConfigurationSection;
  /** Where in the section: the number of the entry, from 0, and the field within it. */
  field: string;
  message: string;
}

const MAX_FIELD = 200;
const MAX_MESSAGE = 500;

/** The refusal of an import for one entry: `INVALID_INPUT`, with section and field in its details. */
export function entryRefusal({ section, field, message }: EntryFault): LapwingError {
  const where = field === '' ? section : `${section}.${field.slice(0, MAX_FIELD)}`;
  return new LapwingError('INVALID_INPUT', `${where}: ${message.slice(0, MAX_MESSAGE)}; nothing was changed`, {
    section,
    field: field.slice(0, MAX_FIELD),
  });
}

/**
 * Reads an entry of an imported section.
 * @param index the number of the entry in its section, from 0.
 * @throws LapwingError as {@link entryRefusal} makes it.
 */
export function readEntry<S extends z.ZodType>(
  section: ConfigurationSection,
  schema: S,
  entry: unknown,
  index: number,
): z.output<S> {
  const parsed = schema.safeParse(entry);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = [index, ...(issue?.path ?? [])].map(String).join('.');
  throw entryRefusal({ section, field, message: issue?.message ?? 'is not valid' });
}

/** As JSON writes them: NUL and halves of surrogate pairs. */
const UNKEPT = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/**
 * Refuses an entry with characters that PostgreSQL cannot keep: that must be known before it is decided that the entry holds.
 * @param index the number of the entry in its section, from 0.
 * @throws LapwingError as {@link entryRefusal} makes it.
 */
export function refuseUnkept(section: ConfigurationSection, entry: unknown, index: number): void {
  if (!UNKEPT.test(JSON.stringify(entry))) return;
  const message = 'has a character that cannot be kept (U+0000, or half of a surrogate pair)';
  throw entryRefusal({ section, field: String(index), message });
}
