import type { Bus } from '@lapwing/bus';
import {
  EmailDraft,
  LapwingError,
  WebhookDraft,
  alertingChanged,
  type WebhookTemplate,
  type EmailSettings as ShownEmail,
  type Webhook as ShownWebhook,
} from '@lapwing/contracts';
import type { Schema, Statements, Transaction } from '@lapwing/postgres';
import type { SecretKey } from '@lapwing/service';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { emailProviders, type EmailProvider } from '../channels/email/providers.js';
import { checkEmail, type EmailSettings } from '../channels/email/settings.js';
import { webhookServices } from '../channels/registry.js';
import { checkWebhook } from '../channels/webhook-check.js';
import type { Webhook } from '../channels/webhook-channel.js';
import { shownFields, shownHeaders, originOf, targetOf, unmasked } from '../domain/channel-draft.js';
import type { ChannelRow, ChannelStore } from '../store/channel.store.js';

const LOCK = 7_524_621;
/** How many webhooks there may be. */
export const MAX_WEBHOOKS = 100;
/** All of them are listed in one message. */
export const MAX_BYTES = 600_000;
const EMAIL = 'email';

/** A channel with all that is needed to use it. */
export type Channel = { kind: 'email'; settings: EmailSettings } | { kind: 'webhook'; webhook: Webhook };

/** Somebody who is told. */
export interface Receiver {
  id: string;
  kind: 'email' | 'webhook';
  name: string;
  service: string;
  target: string;
}

const noEmail: EmailSettings = {
  enabled: false,
  provider: '',
  server: '',
  port: 587,
  username: '',
  password: '',
  from: '',
  to: [],
  tls: false,
  startTLS: true,
};

const purposeOf = (id: string): string => `channel ${id}`;

/** Mail and webhooks: whom to tell. */
export class ChannelsService {
  constructor(
    private readonly parts: {
      bus: Bus;
      schema: Schema;
      channels: ChannelStore;
      key: SecretKey;
      /** Networks that receivers may be in, beside the public ones. */
      networks: readonly string[];
    },
  ) {}

  /** Presets of mail providers. */
  emailProviders(): EmailProvider[] {
    return [...emailProviders];
  }

  /** The services of webhooks, with what each is sent. */
  webhookTemplates(): z.infer<typeof WebhookTemplate>[] {
    return webhookServices.map(
      ({ service, name, urlPattern, method, headers, contentType, payloadTemplate, instructions }) => ({
        service,
        name,
        urlPattern,
        method,
        headers: { 'Content-Type': contentType, ...headers },
        payloadTemplate,
        instructions,
      }),
    );
  }

  /** All who are to be told now. */
  async receivers(): Promise<Receiver[]> {
    const rows = await this.parts.channels.list();
    return rows.flatMap((row) => {
      const channel = this.#open(row);
      const { enabled } = channel.kind === 'email' ? channel.settings : channel.webhook;
      return enabled ? [receiverOf(row.id, channel)] : [];
    });
  }

  /** A channel; undefined when it is gone. */
  async find(id: string): Promise<Channel | undefined> {
    const row = await this.parts.channels.find(this.parts.schema.plain('channel.find'), id);
    return row && this.#open(row);
  }

  /** How mail is sent, without its password. */
  async email(): Promise<ShownEmail> {
    return shownEmail(await this.#email(this.parts.schema.plain('channel.email')));
  }

  /** Mail as it would be sent with changes. `INVALID_INPUT`, `SECRET_REQUIRED`. */
  async draftedEmail(
    draft: EmailDraft,
    statements: Statements = this.parts.schema.plain('channel.email'),
  ): Promise<EmailSettings> {
    const before = await this.#email(statements);
    const given = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
    const merged: EmailSettings = { ...before, ...given, password: draft.password || before.password };
    const isOpen = ({ tls, startTLS }: EmailSettings): boolean => !tls && !startTLS;
    const isElsewhere =
      merged.server !== before.server ||
      merged.port !== before.port ||
      merged.username !== before.username ||
      (isOpen(merged) && !isOpen(before));
    // The old password must not be shown to another server.
    if (isElsewhere && before.password !== '' && !draft.password) {
      if (merged.username !== '')
        throw new LapwingError(
          'SECRET_REQUIRED',
          'the password is required again for another server or user, or without TLS',
        );
      merged.password = '';
    }
    // What is switched off may be unfinished.
    const problems = merged.enabled ? checkEmail(merged) : [];
    if (problems.length > 0) throw new LapwingError('INVALID_INPUT', problems.join('; '), { problems });
    return merged;
  }

  /** Changes how mail is sent. Errors as those of {@link draftedEmail}. */
  async updateEmail(draft: EmailDraft): Promise<ShownEmail> {
    const settings = await this.#exclusive(async (transaction) => {
      const merged = await this.draftedEmail(draft, transaction);
      await this.parts.channels.put(transaction, this.#sealed(EMAIL, { kind: 'email', settings: merged }), Date.now());
      return merged;
    });
    return shownEmail(settings);
  }

  /** All webhooks. */
  async webhooks(): Promise<ShownWebhook[]> {
    const rows = await this.parts.channels.list();
    return rows.flatMap((row) => {
      const channel = this.#open(row);
      return channel.kind === 'webhook' ? [shownWebhook(channel.webhook)] : [];
    });
  }

  /** Makes a webhook. `INVALID_INPUT`. */
  async createWebhook(draft: WebhookDraft): Promise<ShownWebhook> {
    return this.#exclusive(async (transaction) => {
      const rows = await this.parts.channels.list(transaction);
      if (rows.filter(({ kind }) => kind === 'webhook').length >= MAX_WEBHOOKS)
        throw new LapwingError('INVALID_INPUT', `at most ${MAX_WEBHOOKS} webhooks can be kept`);
      return this.#writeWebhook(transaction, this.#drafted(draft, undefined, randomUUID()));
    });
  }

  /** Changes a webhook: what is left out stays. `NOT_FOUND`, `INVALID_INPUT`. */
  async updateWebhook(id: string, changes: Record<string, unknown>): Promise<ShownWebhook> {
    return this.#exclusive(async (transaction) =>
      this.#writeWebhook(transaction, await this.#changed(id, changes, transaction)),
    );
  }

  /** Removes a webhook. `NOT_FOUND`. */
  async deleteWebhook(id: string): Promise<void> {
    await this.#exclusive(async (transaction) => {
      await this.#webhook(id, transaction);
      await this.parts.channels.delete(transaction, id);
    });
  }

  /** A webhook as it would be with changes, of one that is kept or of none. `NOT_FOUND`, `INVALID_INPUT`. */
  async draftedWebhook(id: string | null, changes: Record<string, unknown>): Promise<Webhook> {
    return id === null
      ? this.#drafted(parsed(changes), undefined, randomUUID())
      : this.#changed(id, changes, this.parts.schema.plain('channel.find'));
  }

  /** Everything that is needed to tell somebody, with secrets: for an export. */
  async exported(): Promise<{ email: EmailSettings; webhooks: Webhook[] }> {
    const channels = (await this.parts.channels.list()).map((row) => this.#open(row));
    const mail = channels.find((channel) => channel.kind === 'email');
    return {
      email: mail?.settings ?? noEmail,
      webhooks: channels.flatMap((channel) => (channel.kind === 'webhook' ? [channel.webhook] : [])),
    };
  }

  /** What keeps an imported webhook from being kept, as sentences. */
  problemsOf(webhook: Webhook): string[] {
    return checkWebhook(webhook, this.parts.networks);
  }

  /** Has these instead of those that there are; what is undefined stays. {@link told} is for after the commit. */
  async replace(
    transaction: Transaction,
    { email, webhooks }: { email: EmailSettings | undefined; webhooks: Webhook[] | undefined },
  ): Promise<void> {
    await this.parts.schema.hold(transaction, { kind: LOCK });
    const now = Date.now();
    if (email) await this.parts.channels.put(transaction, this.#sealed(EMAIL, { kind: 'email', settings: email }), now);
    if (!webhooks) return;
    const rows = await this.parts.channels.list(transaction);
    for (const { id, kind } of rows) if (kind === 'webhook') await this.parts.channels.delete(transaction, id);
    // They are listed in the order in which they were made.
    for (const [index, webhook] of webhooks.entries())
      await this.parts.channels.put(transaction, this.#sealed(webhook.id, { kind: 'webhook', webhook }), now + index);
  }

  /** Channels that were written hold from now on, everywhere. */
  told(): void {
    this.parts.bus.announce(alertingChanged, 'channels', { what: 'channels' });
  }

  async #changed(id: string, changes: Record<string, unknown>, statements: Statements): Promise<Webhook> {
    const before = await this.#webhook(id, statements);
    const { secret: _secret, ...rest } = before;
    return this.#drafted(parsed({ ...rest, ...changes }), before, id);
  }

  #drafted(draft: WebhookDraft, before: Webhook | undefined, id: string): Webhook {
    const { secret, ...rest } = draft;
    const webhook = {
      ...rest,
      id,
      headers: unmasked(draft.headers, before?.headers ?? {}),
      customFields: unmasked(draft.customFields, before?.customFields ?? {}),
      template: draft.template || null,
      secret: secret === null ? null : secret || (before?.secret ?? null),
    };
    const isElsewhere = before !== undefined && originOf(before.url) !== originOf(webhook.url);
    if (isElsewhere && keepsSecrets(draft, before))
      throw new LapwingError('SECRET_REQUIRED', 'secrets are required again for another host');
    const problems = checkWebhook(webhook, this.parts.networks);
    if (problems.length > 0) throw new LapwingError('INVALID_INPUT', problems.join('; '), { problems });
    return webhook as Webhook;
  }

  async #writeWebhook(transaction: Transaction, webhook: Webhook): Promise<ShownWebhook> {
    await this.parts.channels.put(transaction, this.#sealed(webhook.id, { kind: 'webhook', webhook }), Date.now());
    const bytes = (await this.parts.channels.list(transaction)).reduce((sum, { sealed }) => sum + sealed.length, 0);
    if (bytes > MAX_BYTES)
      throw new LapwingError('INVALID_INPUT', `all webhooks together may have ${MAX_BYTES} bytes: shorten a template`);
    return shownWebhook(webhook);
  }

  async #webhook(id: string, statements: Statements): Promise<Webhook> {
    const row = await this.parts.channels.find(statements, id);
    const channel = row && this.#open(row);
    if (channel?.kind !== 'webhook') throw new LapwingError('NOT_FOUND', 'no such webhook');
    return channel.webhook;
  }

  async #email(statements: Statements): Promise<EmailSettings> {
    const row = await this.parts.channels.find(statements, EMAIL);
    const channel = row && this.#open(row);
    return channel?.kind === 'email' ? channel.settings : noEmail;
  }

  async #exclusive<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const result = await this.parts.schema.exclusive('channel.change', { kind: LOCK }, work);
    this.told();
    return result;
  }

  #sealed(id: string, channel: Channel): ChannelRow {
    return { id, kind: channel.kind, sealed: this.parts.key.seal(purposeOf(id), JSON.stringify(channel)) };
  }

  #open({ id, sealed }: ChannelRow): Channel {
    return JSON.parse(this.parts.key.open(purposeOf(id), sealed)) as Channel;
  }
}

/** Whether stars or silence would hand secrets that are kept to somebody else. */
function keepsSecrets(draft: WebhookDraft, before: Webhook): boolean {
  const masks = (given: Record<string, string>, kept: Record<string, string>, shown: Record<string, string>): boolean =>
    Object.keys(given).some(
      (name) => shown[name] !== kept[name] && (given[name] === shown[name] || given[name] === kept[name]),
    );
  const signs = before.secret !== null && !draft.secret && draft.secret !== null;
  return (
    signs ||
    masks(draft.headers, before.headers, shownHeaders(before.headers)) ||
    masks(draft.customFields, before.customFields, shownFields(before.customFields))
  );
}

function parsed(draft: Record<string, unknown>): WebhookDraft {
  const given = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
  const result = WebhookDraft.safeParse(given);
  if (!result.success) throw new LapwingError('INVALID_INPUT', z.prettifyError(result.error));
  return result.data;
}

/** A channel as the ledger names it. */
export function receiverOf(id: string, channel: Channel): Receiver {
  if (channel.kind === 'email') {
    const { to, from, server } = channel.settings;
    return { id, kind: 'email', name: 'E-mail', service: 'email', target: to[0] ?? (from || server) };
  }
  const { name, service, url } = channel.webhook;
  return { id, kind: 'webhook', name, service, target: targetOf(url) };
}

function shownEmail({ password, ...settings }: EmailSettings): ShownEmail {
  return { ...settings, hasPassword: password !== '' };
}

function shownWebhook({ secret, headers, customFields, ...webhook }: Webhook): ShownWebhook {
  return {
    ...webhook,
    headers: shownHeaders(headers),
    customFields: shownFields(customFields),
    hasSecret: secret !== null,
  };
}
