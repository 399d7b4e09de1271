import { z } from 'zod';
import { sessionOf } from './credentials.js';
import { CliError } from './errors.js';
import { readText } from './files.js';

const DEADLINE_MS = 20_000;
/** No answer is larger; a system of ten thousand guests is far below. */
const MAX_ANSWER = 2 ** 27;
/** What a header may hold. */
const TOKEN = /^[\x21-\x7e]{1,4096}$/;

/** The form in which Lapwing tells errors. */
const Refusal = z.object({ error: z.string(), code: z.string() });

/** A credential, and where it is from. */
export interface Credential {
  token: string;
  from: 'file' | 'environment' | 'login';
}

/** Where the server is, and as whom it is asked. */
export interface ClientOptions {
  url: string;
  /** Undefined for nobody. */
  credential: Credential | undefined;
}

/** How a question is asked. */
export interface Asking {
  body?: unknown;
  /** Statuses whose body is an answer, beside those below 300. */
  alsoGood?: readonly number[];
  /** Milliseconds; 20 s without. */
  deadlineMs?: number;
}

/**
 * Whom the command speaks for: the token in a file, else that of LAPWING_TOKEN, else what "lapwing login" has kept for this server. Never an argument of
 * the command line, which others on the machine can read.
 * @throws CliError for a file that cannot be read, or holds no token.
 */
export function findCredential(file: string | undefined, url: string): Credential | undefined {
  if (file !== undefined) return { token: checked(readText(file).trim(), file), from: 'file' };
  const given = process.env['LAPWING_TOKEN']?.trim();
  if (given) return { token: checked(given, 'LAPWING_TOKEN'), from: 'environment' };
  const session = sessionOf(url);
  return session && { token: session.token, from: 'login' };
}

function checked(token: string, where: string): string {
  if (!TOKEN.test(token)) throw new CliError('usage', `${where} holds no API token`);
  return token;
}

/** A server's URL in the one form in which it is kept and compared. Throws `CliError` for a URL that is none. */
export function normalUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new CliError('usage', '--url must be http:// or https://, without a user name in it');
  if (url.search !== '' || url.hash !== '') throw new CliError('usage', '--url must end with the path');
  return url.href.replace(/\/+$/, '');
}

/** Whether what is sent there can be read on the way. */
export function isExposed(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !/^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

/** Speaks to a server. */
export class Client {
  /** @param options with a URL as {@link normalUrl} makes it. */
  constructor(private readonly options: ClientOptions) {}

  get url(): string {
    return this.options.url;
  }

  /** Where the credential is from; undefined for nobody. */
  get credentialFrom(): Credential['from'] | undefined {
    return this.options.credential?.from;
  }

  /**
   * Asks.
   * @param schema the answer's form.
   * @throws CliError when the server refuses, is away, or is no Lapwing.
   */
  async ask<S extends z.ZodType>(method: string, path: string, schema: S, asking: Asking = {}): Promise<z.output<S>> {
    const { status, answer } = await this.#send(method, path, asking);
    if (status < 300 || asking.alsoGood?.includes(status)) {
      const found = schema.safeParse(answer);
      if (found.success) return found.data;
    }
    const refusal = Refusal.safeParse(answer);
    if (status >= 400 && refusal.success) throw this.#refused(refusal.data);
    throw new CliError('unreachable', `what answers at ${this.url} is no Lapwing that this program knows (${status})`);
  }

  #refused({ error, code }: z.infer<typeof Refusal>): CliError {
    if (code === 'UNAUTHENTICATED' && this.credentialFrom === 'login')
      return new RefusedError(
        code,
        `the session at ${this.url} has ended: log in again with "lapwing login" (${code})`,
      );
    return new RefusedError(code, `${error} (${code})`);
  }

  async #send(method: string, path: string, asking: Asking): Promise<{ status: number; answer: unknown }> {
    const { body, deadlineMs = DEADLINE_MS } = asking;
    const { credential } = this.options;
    try {
      const answer = await fetch(this.url + path, {
        method,
        headers: {
          accept: 'application/json',
          ...(credential && { authorization: `Bearer ${credential.token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // Whoever is sent elsewhere would take the token along.
        redirect: 'manual',
        signal: AbortSignal.timeout(deadlineMs),
      });
      return { status: answer.status, answer: parsed(await textOf(answer)) };
    } catch (error) {
      if (error instanceof CliError) throw error;
      throw new CliError('unreachable', `nobody answers at ${this.url}: ${reasonOf(error)}`);
    }
  }
}

/** The server said no, and this is its code. */
export class RefusedError extends CliError {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super('refused', message);
  }
}

async function textOf(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.length;
    if (bytes > MAX_ANSWER) throw new CliError('unreachable', 'the answer is larger than any that Lapwing gives');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const { name, cause } = error as { name?: unknown; cause?: { code?: unknown } };
  if (name === 'TimeoutError') return 'it takes too long';
  return typeof cause?.code === 'string' ? cause.code : 'the connection failed';
}
