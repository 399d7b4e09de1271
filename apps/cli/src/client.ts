import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { CliError } from './errors.js';

const DEADLINE_MS = 20_000;
/** What a header may hold. */
const TOKEN = /^[\x21-\x7e]{1,4096}$/;

/** The form in which Lapwing tells errors. */
const Refusal = z.object({ error: z.string(), code: z.string() });

/** Where the server is, and as whom it is asked. */
export interface ClientOptions {
  url: string;
  /** Undefined for nobody. */
  token: string | undefined;
}

/**
 * The API token: out of a file, else out of LAPWING_TOKEN. Never an argument of the command line, which others on the machine can read.
 * @throws CliError for a file that cannot be read, or holds no token.
 */
export function readToken(file: string | undefined): string | undefined {
  const token = file === undefined ? process.env['LAPWING_TOKEN']?.trim() : readText(file).trim();
  if (file === undefined && !token) return undefined;
  if (token === undefined || !TOKEN.test(token))
    throw new CliError('usage', `${file ?? 'LAPWING_TOKEN'} holds no API token`);
  return token;
}

/** The text of a file that was named. Throws `CliError` when it cannot be read. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError('usage', `${file} cannot be read (${String((error as { code?: unknown }).code)})`);
  }
}

/** Speaks to a server. */
export class Client {
  readonly #base: string;

  /** Throws `CliError` for a URL that is none. */
  constructor(private readonly options: ClientOptions) {
    const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
    if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
      throw new CliError('usage', '--url must be http:// or https://, without a user name in it');
    this.#base = url.href.replace(/\/+$/, '');
  }

  /**
   * Asks.
   * @param schema the answer's form.
   * @throws CliError when the server refuses, is away, or is no Lapwing.
   */
  async ask<S extends z.ZodType>(method: string, path: string, schema: S, body?: unknown): Promise<z.output<S>> {
    const { status, answer } = await this.#send(method, path, body);
    if (status < 300) {
      const found = schema.safeParse(answer);
      if (found.success) return found.data;
    }
    const refusal = Refusal.safeParse(answer);
    if (status >= 400 && refusal.success) throw new CliError('refused', `${refusal.data.error} (${refusal.data.code})`);
    throw new CliError(
      'unreachable',
      `what answers at ${this.#base} is no Lapwing that this program knows (${status})`,
    );
  }

  async #send(method: string, path: string, body: unknown): Promise<{ status: number; answer: unknown }> {
    const { token } = this.options;
    try {
      const answer = await fetch(this.#base + path, {
        method,
        headers: {
          accept: 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // Whoever is sent elsewhere would take the token along.
        redirect: 'manual',
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      return { status: answer.status, answer: parsed(await answer.text()) };
    } catch (error) {
      throw new CliError('unreachable', `nobody answers at ${this.#base}: ${reasonOf(error)}`);
    }
  }
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
