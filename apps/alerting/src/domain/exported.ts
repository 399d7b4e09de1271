import { AlertConfig, EmailSettings, MaintenanceDraft, Webhook } from '@lapwing/contracts';
import { z } from 'zod';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);

/** The rules as an exported configuration has them. */
export const ExportedRules = AlertConfig.strict();

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
