import { LicenseEmail, LicenseKey } from '@lapwing/contracts';
import { InvalidArgumentError } from 'commander';
import { z } from 'zod';

const MAX_LIMIT = 1000;

/** An argument that must follow a schema. */
function following(schema: z.ZodType<string>, allowed: string): (text: string) => string {
  return (text) => {
    const found = schema.safeParse(text);
    if (!found.success) throw new InvalidArgumentError(allowed);
    return found.data;
  };
}

/** An e-mail address. */
export const emailArgument = following(LicenseEmail, 'an e-mail address');
/** A licence key. */
export const keyArgument = following(LicenseKey, 'XXXX-XXXX-XXXX-XXXX');
/** An id. */
export const idArgument = following(z.uuid(), 'an id, as "list" shows it');

/** How many, from 1 to 1000. */
export function limitArgument(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) throw new InvalidArgumentError(`1 to ${MAX_LIMIT}`);
  return limit;
}

/** An end in time as ISO 8601 in UTC: a day counts to its last second. */
export function untilArgument(text: string): string {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const iso = day ? `${text}T23:59:59Z` : text;
  const time = z.iso.datetime({ offset: true }).safeParse(iso).success ? Date.parse(iso) : Number.NaN;
  if (Number.isNaN(time)) throw new InvalidArgumentError('a day, e.g. 2027-01-31, or 2027-01-31T12:00:00Z');
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
