import { AgentId, LapwingError } from '@lapwing/contracts';
import { StandardSchemaValidationPipe } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

const TRUE = ['true', '1', 'yes', ''];
const FALSE = ['false', '0', 'no'];

/** A switch in a query: `true`, `1`, `yes` or nothing but the name; `false`, `0`, `no`. */
export const flag = z
  .string()
  .refine((text) => [...TRUE, ...FALSE].includes(text.toLowerCase()), { error: 'true, 1, yes, false, 0 or no' })
  .transform((text) => TRUE.includes(text.toLowerCase()));

/** A whole number in a query, between two bounds; `hint` says more to whoever misses them. */
export const whole = (min: number, max: number, hint = '') => {
  const allowed = `${min} to ${max}${hint}`;
  return z
    .string()
    .regex(/^-?\d{1,15}$/, `a whole number, ${allowed}`)
    .transform(Number)
    .pipe(z.number().min(min, allowed).max(max, allowed));
};

/** Text in a query that is no number and no name of ours. */
export const plain = (max: number) =>
  z
    .string()
    .min(1, 'not empty, or left out')
    .max(max, `at most ${max} characters`)
    .refine((text) => !text.includes('\0'), 'without NUL');

/**
 * Refuses a query that is no UTF-8: Fastify would hand over the escapes as if they were the text.
 * @throws LapwingError `INVALID_INPUT`.
 */
export function refuseBrokenText({ url }: Pick<FastifyRequest, 'url'>): void {
  const at = url.indexOf('?');
  try {
    if (at >= 0) decodeURIComponent(url.slice(at + 1));
  } catch {
    throw new LapwingError('INVALID_INPUT', 'the query is not UTF-8, escaped by percent signs');
  }
}

const ISO = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** An instant in a query, ISO 8601 with any offset (none means UTC), as milliseconds since 1970. */
export const instant = z.string().transform((text, context) => {
  // A plus sign that was not escaped arrives as a space.
  const iso = text.trim().replace(/ (\d{2}:?\d{2})$/, '+$1');
  const hasOffset = /(Z|[+-]\d{2}:?\d{2})$/.test(iso) || !iso.includes('T');
  const time = ISO.test(iso) ? Date.parse(hasOffset ? iso : `${iso}Z`) : Number.NaN;
  if (Number.isNaN(time)) context.addIssue({ code: 'custom', message: 'an ISO 8601 time, e.g. 2026-01-15T10:30:00Z' });
  return time;
});

/** The agent that a query is about. */
export const agent = AgentId.optional();

/** An instant as the APIs write it: ISO 8601, UTC, without milliseconds. */
export function isoSeconds(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** What is wrong, and where; of unknown fields zod tells their names beside. */
interface StandardIssue {
  message: string;
  path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined;
  keys?: string[];
}

function nameOf(path: StandardIssue['path'], keys: string[] | undefined): string {
  const steps = (path ?? []).map((key) => String(typeof key === 'object' ? key.key : key));
  return [...steps, ...(keys ? [keys.join(', ')] : [])].join('.');
}

/** Checks parameters against their schemas; what is wrong is told with what is allowed. */
export const validation = new StandardSchemaValidationPipe({
  exceptionFactory: (issues) => {
    const problems = issues.map(({ path, message, keys }: StandardIssue) => ({
      field: nameOf(path, keys),
      message,
    }));
    const text = problems.map(({ field, message }) => (field ? `"${field}": ${message}` : message)).join('; ');
    return new LapwingError('INVALID_INPUT', text, { problems });
  },
});
