import { z } from 'zod';
import { event, request } from './define.js';
import { Actor, Address } from './identity.js';

const Word = z.string().regex(/^[a-z][a-z_]{0,39}$/);

/** Something that was done, by whom, to what. `details` never holds secrets. */
export const AuditFact = z.object({
  /** The kind of thing that it was done to, e.g. `user`. */
  type: Word,
  /** What was done, in the past tense, e.g. `disabled`. */
  action: Word,
  /** To which one. */
  target: z.string().max(300),
  details: z.record(z.string(), z.json()).default({}),
});
/** See {@link AuditFact}. */
export type AuditFact = z.input<typeof AuditFact>;

/** Somebody did something that the audit trail must tell. Key: the service that says so. */
export const auditOccurred = event(
  'evt.audit.occurred.v1',
  'EVENTS',
  AuditFact.extend({
    /** The same event delivered twice is kept once. */
    eventId: z.uuid(),
    time: z.int(),
    actor: Actor.pick({ name: true, userId: true, address: true }),
  }),
);

/** An entry of the audit trail. */
export const AuditEntry = z.object({
  /** Grows by one with each entry, without a hole. */
  id: z.int().positive(),
  time: z.int(),
  type: z.string(),
  action: z.string(),
  target: z.string(),
  user: z.string(),
  userId: z.uuid().nullable(),
  address: Address,
  details: z.record(z.string(), z.json()),
  /** SHA-256 over the entry and the hash of the one before, keyed with the installation's secret; hexadecimal. */
  hash: z.string(),
});
/** See {@link AuditEntry}. */
export type AuditEntry = z.infer<typeof AuditEntry>;

/**
 * Checks the chain of the trail from its beginning, or from behind an entry that was checked before, for some ten seconds. Where there is more,
 * `next` says from where to go on.
 */
export const auditVerify = request('req.auth.audit.verify.v1', {
  input: z.object({
    /** The last entry that was found right before; 0 for the beginning. */
    after: z.int().min(0).default(0),
  }),
  output: z.object({
    /** Whether all that was looked at is right. */
    valid: z.boolean(),
    /** Entries that are right, from the beginning on. */
    entries: z.int().min(0),
    /** The first that was edited, removed or moved; null when none was, or when the end itself is wrong. */
    firstBrokenId: z.int().positive().nullable(),
    /** What is wrong, in words. */
    fault: z.string().nullable(),
    /** Where to go on; null when the end was reached, or something is wrong. */
    next: z.int().positive().nullable(),
  }),
  deadlineMs: 25_000,
});

/** The trail, the newest first. */
export const auditList = request('req.auth.audit.list.v1', {
  input: z.object({
    limit: z.int().min(1).max(1000),
    offset: z.int().min(0).max(1_000_000).default(0),
    /** Only entries before this one. */
    before: z.int().positive().optional(),
    type: z.string().max(40).optional(),
    action: z.string().max(40).optional(),
    user: z.string().max(256).optional(),
    from: z.int().optional(),
    to: z.int().optional(),
  }),
  output: z.object({ entries: z.array(AuditEntry), total: z.int() }),
});
