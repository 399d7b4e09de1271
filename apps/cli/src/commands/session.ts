import type { Command } from 'commander';
import { z } from 'zod';
import { RefusedError, type Client } from '../client.js';
import type { Context } from '../context.js';
import { credentialsFile, forgetSession, keepSession, sessionOf } from '../credentials.js';
import { CliError } from '../errors.js';
import { factsOf, print } from '../output.js';
import { ask, firstLineOfInput } from '../prompt.js';

const Account = z.object({
  id: z.string(),
  username: z.string(),
  roles: z.array(z.string()),
  permissions: z.array(z.string()),
  auth_provider: z.string(),
});
const Opened = z.object({ token: z.string(), user: z.object({ username: z.string() }), expires_at: z.string() });

interface LoginOptions {
  user: string;
  passwordStdin?: true;
}

/** `lapwing login`, `logout`, `whoami` */
export function addSession(program: Command, context: Context): void {
  program
    .command('login')
    .description('opens a session, and keeps it for the commands that follow')
    .requiredOption('--user <name>', 'as whom')
    .option('--password-stdin', 'read the password from standard input')
    .action((options: LoginOptions) => logIn(context, options));
  program
    .command('logout')
    .description('ends the session, and forgets it')
    .action(() => logOut(context));
  program
    .command('whoami')
    .description('shows whom the commands speak for')
    .action(() => whoAmI(context));
}

async function logIn({ stranger, json }: Context, { user, passwordStdin }: LoginOptions): Promise<void> {
  const client = stranger();
  const password = passwordStdin
    ? firstLineOfInput()
    : await ask(`Password of ${user}: `, { hidden: true, instead: 'use --password-stdin' });
  const opened = await open(client, user, password);
  const {
    token,
    user: { username },
    expires_at: expiresAt,
  } = opened;
  keepSession(client.url, { token, user: username, expiresAt });
  const facts = { url: client.url, user: username, until: expiresAt, 'kept in': credentialsFile() };
  print(json(), { url: client.url, user: username, expiresAt, file: credentialsFile() }, factsOf(facts));
}

/** Logs in, with a code of the second factor where the server wants one. */
async function open(client: Client, username: string, password: string): Promise<z.infer<typeof Opened>> {
  const attempt = (code: string | null) =>
    client.ask('POST', '/api/v1/auth/login', Opened, { body: { username, password, totp_code: code } });
  try {
    return await attempt(null);
  } catch (error) {
    if (!(error instanceof RefusedError) || error.code !== 'TOTP_REQUIRED') throw error;
    const instead = 'who has a second factor needs one; scripts use an API token';
    return attempt(await ask('Code of the second factor: ', { hidden: false, instead }));
  }
}

async function logOut({ client, json }: Context): Promise<void> {
  const known = client();
  if (known.credentialFrom !== 'login')
    throw new CliError(
      'usage',
      known.credentialFrom
        ? 'an API token is revoked, not logged out: see "lapwing tokens"'
        : `nobody is logged in at ${known.url}`,
    );
  const user = sessionOf(known.url)?.user ?? '';
  try {
    await known.ask('POST', '/api/v1/auth/logout', z.undefined());
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof RefusedError) || error.code !== 'UNAUTHENTICATED') throw error;
  }
  forgetSession(known.url);
  print(json(), { url: known.url, user }, factsOf({ url: known.url, 'logged out': user }));
}

async function whoAmI({ client, json }: Context): Promise<void> {
  const known = client();
  const account = await known.ask('GET', '/api/v1/auth/me', Account);
  const { username, roles, permissions, auth_provider: by } = account;
  const facts = {
    url: known.url,
    user: username,
    by: known.credentialFrom === 'login' ? 'session' : by,
    roles: roles.join(', ') || '-',
    permissions: permissions.join(', ') || '-',
  };
  print(json(), { url: known.url, ...account }, factsOf(facts));
}
