import type { Command } from 'commander';
import { z } from 'zod';
import { idArgument, untilArgument } from '../arguments.js';
import type { Context } from '../context.js';
import { factsOf, print, tableOf } from '../output.js';

const TOKENS = '/api/security/tokens';
const Token = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string(),
  suffix: z.string(),
  permissions: z.array(z.string()),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable(),
  expiresAt: z.string().nullable(),
  fromEnvironment: z.boolean(),
});
const Tokens = z.object({ tokens: z.array(Token) });
const Created = z.object({ token: z.string(), record: Token });

interface CreateOptions {
  name: string;
  permission?: string[];
  until?: string;
}

/** `lapwing tokens …` */
export function addTokens(program: Command, context: Context): void {
  const tokens = program.command('tokens').description('API tokens.');
  tokens
    .command('list')
    .description('lists all API tokens, without their values')
    .action(() => list(context));
  tokens
    .command('create')
    .description('makes an API token; it is shown this once')
    .requiredOption('--name <name>', 'what it is for')
    .option('--permission <permissions...>', 'what it may do, e.g. alerts:view; without, all that you may do')
    .option('--until <date>', 'until when it is good', untilArgument)
    .action((options: CreateOptions) => create(context, options));
  tokens
    .command('revoke')
    .argument('<id>', 'which one', idArgument)
    .description('ends an API token')
    .action((id: string) => revoke(context, id));
}

async function list({ client, json }: Context): Promise<void> {
  const found = await client().ask('GET', TOKENS, Tokens);
  const rows = found.tokens.map((one) => [
    one.id,
    one.name,
    `${one.prefix}…${one.suffix}`,
    one.fromEnvironment ? 'environment' : one.createdAt,
    one.lastUsedAt ?? '-',
    one.expiresAt ?? '-',
    one.permissions.join(','),
  ]);
  print(json(), found, tableOf(['ID', 'NAME', 'TOKEN', 'CREATED', 'LAST USED', 'EXPIRES', 'PERMISSIONS'], rows));
}

async function create({ client, json }: Context, { name, permission, until }: CreateOptions): Promise<void> {
  const body = {
    name,
    ...(permission && { permissions: permission }),
    ...(until !== undefined && { expiresAt: until }),
  };
  const found = await client().ask('POST', TOKENS, Created, { body });
  const { id, permissions, expiresAt } = found.record;
  const facts = {
    id,
    name,
    permissions: permissions.join(', '),
    expires: expiresAt ?? 'never',
    'token, shown once': found.token,
  };
  print(json(), found, factsOf(facts));
}

async function revoke({ client, json }: Context, id: string): Promise<void> {
  await client().ask('DELETE', `${TOKENS}/${encodeURIComponent(id)}`, z.undefined());
  print(json(), { id, revoked: true }, factsOf({ revoked: id }));
}
