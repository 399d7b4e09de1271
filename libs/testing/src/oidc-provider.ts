import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { freePort } from './servers.js';

/** What a provider says about somebody, by subject. */
export type People = Record<string, Record<string, unknown>>;

/**
 * A real OpenID provider, as a process of its own. Whoever asks for its login page is the one of the cookie `who`, and has
 * agreed already. Its client is `lapwing`, with the secret `secret-of-lapwing`.
 */
export class OidcProvider {
  private constructor(
    readonly issuer: string,
    private readonly process: ChildProcess,
  ) {}

  /** @param redirectUrl where it may send browsers back to. */
  static async start(redirectUrl: string, people: People): Promise<OidcProvider> {
    const port = await freePort();
    const program = path.resolve('libs/testing/oidc-provider.mjs');
    const child = spawn(process.execPath, [program, String(port), redirectUrl], {
      env: { ...process.env, PEOPLE: JSON.stringify(people), NODE_ENV: 'production' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (child.stdout) await once(child.stdout, 'data');
    return new OidcProvider(`http://127.0.0.1:${port}`, child);
  }

  /** Says this of somebody from now on. */
  async say(subject: string, claims: Record<string, unknown>): Promise<void> {
    await fetch(`${this.issuer}/people/${subject}?${encodeURIComponent(JSON.stringify(claims))}`);
  }

  stop(): void {
    this.process.kill('SIGKILL');
  }
}
