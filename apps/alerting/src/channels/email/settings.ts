import { z } from 'zod';

/** How mail is sent, and to whom. */
export interface EmailSettings {
  enabled: boolean;
  /** One of `emailProviders`, by name; only people read it. */
  provider: string;
  /** A name or an address, without brackets. */
  server: string;
  port: number;
  /** Empty: nobody shows who he is. */
  username: string;
  password: string;
  /** `lapwing@example.com`, or `Lapwing <lapwing@example.com>`. */
  from: string;
  /** Whom mail goes to; empty: to whoever sends it. */
  to: string[];
  /** TLS from the first byte. */
  tls: boolean;
  /** TLS after STARTTLS, and nothing without. With neither, mail goes in the clear. */
  startTLS: boolean;
}

/** A sender or a reader. */
export interface Mailbox {
  name: string;
  address: string;
}

const ADDRESS = /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+$/;
const NAMED = /^([^<>]*)<([^<>]+)>$/;
const MAX_ADDRESS = 254;
const MAX_READERS = 50;
const HOST = /^(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:.]+)$/;

/** Reads an address, with a name or without; undefined when it is none. */
export function mailbox(text: string): Mailbox | undefined {
  const [, name = '', within] = NAMED.exec(text.trim()) ?? [];
  const address = (within ?? text).trim();
  if (address.length > MAX_ADDRESS || !ADDRESS.test(address) || /\p{Cc}/u.test(name)) return undefined;
  return { name: name.trim().replace(/^"(.*)"$/, '$1'), address };
}

const Form = z.object({
  provider: z.string('"provider" must be text').max(100, '"provider" may be 100 characters long'),
  server: z
    .string('"server" must be text')
    .max(253, '"server" may be 253 characters long')
    .regex(HOST, '"server" must be a host name or an address'),
  port: z.int('"port" must be a number').min(1, '"port" is too small').max(65_535, '"port" is too large'),
  username: z.string('"username" must be text').max(256, '"username" may be 256 characters long'),
  password: z.string('"password" must be text').max(1024, '"password" may be 1024 characters long'),
  from: z
    .string('"from" must be text')
    .refine((from) => mailbox(from) !== undefined, '"from" must be an address, e.g. lapwing@example.com'),
  to: z
    .array(z.string('"to" must hold addresses'), '"to" must be a list of addresses')
    .max(MAX_READERS, `"to" may hold ${MAX_READERS} addresses`),
  tls: z.boolean('"tls" must be true or false'),
  startTLS: z.boolean('"startTLS" must be true or false'),
});

/** What is to be checked: not yet known to be settings. */
export type EmailDraft = { [Field in keyof EmailSettings]?: unknown };

/** What keeps mail from being sent with these settings, as sentences; none when they are good. */
export function checkEmail(draft: EmailDraft): string[] {
  const form = Form.safeParse(draft);
  if (!form.success) return [...new Set(form.error.issues.map(({ message }) => message))];
  const { to, tls, startTLS, username, password } = form.data;
  const wrong = to.filter((address) => mailbox(address) === undefined);
  return [
    ...wrong.map((address) => `"to" holds ${JSON.stringify(address.slice(0, 80))}, which is no address`),
    ...(tls && startTLS ? ['"tls" and "startTLS" exclude each other'] : []),
    ...(username === '' && password !== '' ? ['"username" is required with a password'] : []),
  ];
}
