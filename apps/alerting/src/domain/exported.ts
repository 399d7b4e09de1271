import { AlertConfig, EmailSettings, MaintenanceDraft, Webhook, entryRefusal, readEntry } from '@lapwing/contracts';
import { z } from 'zod';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);

/**
 * Reads the rules as an exported configuration has them. With the schema of the API itself: the first use of another would take tens of
 * milliseconds.
 * @throws LapwingError `INVALID_INPUT` with section and field.
 */
export function readRules(entry: unknown): AlertConfig {
  const config = readEntry('alerts', AlertConfig, entry, 0);
  const unknown = Object.keys(entry as object).find((name) => !Object.hasOwn(AlertConfig.shape, name));
  if (unknown !== undefined)
    throw entryRefusal({ section: 'alerts', field: `0.${unknown}`, message: 'there is no such rule' });
  return config;
}

/** A maintenance window as an exported configuration has it. */
export const ExportedWindow = z.strictObject({
  ...MaintenanceDraft.shape,
  id: z.uuid(),
  createdBy: z.string().max(300),
  createdAt: Instant,
});
/** See {@link ExportedWindow}. */
export type ExportedWindow = z.infer<typeof ExportedWindow>;

const { hasPassword: _hasPassword, ...email } = EmailSettings.shape;

/** How mail is sent, as an exported configuration has it: with the password, in the clear. */
export const ExportedEmail = z.strictObject({ ...email, password: z.string().max(1024) });

const { hasSecret: _hasSecret, ...webhook } = Webhook.shape;

/** A webhook as an exported configuration has it: with all its secrets, in the clear. */
export const ExportedWebhook = z.strictObject({
  ...webhook,
  method: z.enum(['POST', 'PUT', 'GET', 'PATCH']),
  secret: z.string().max(1024).nullable(),
});
