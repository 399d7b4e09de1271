import type { Command } from 'commander';
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { emailArgument, idArgument, keyArgument, untilArgument } from '../arguments.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { signLicense, type SignedLicense } from '../license-file.js';
import { factsOf, print, tableOf } from '../output.js';

const ISSUED = '/api/v1/license/issued';

const License = z.object({
  id: z.string(),
  email: z.string(),
  prefix: z.string(),
  updatesExpireAt: z.string(),
  issuedAt: z.string(),
  issuedBy: z.string(),
  revokedAt: z.string().nullable(),
});
const Licenses = z.object({ licenses: z.array(License) });
const Issued = z.object({ license: License, licenseKey: z.string() });
const Status = z.object({
  valid: z.boolean(),
  email: z.string().nullable(),
  updatesExpireAt: z.string().nullable(),
  updatesActive: z.boolean(),
});

interface Draft {
  email: string;
  until: string;
}

/** `lapwing license …` */
export function addLicense(program: Command, context: Context): void {
  const license = program.command('license').description('Licences: the one that is held, and those that are given.');
  license
    .command('status')
    .description('shows the licence that the server holds')
    .action(() => status(context));
  license
    .command('list')
    .description('lists the licences that the server has issued')
    .action(() => list(context));
  withDraft(license.command('issue'))
    .description('issues a licence; its key is shown this once')
    .action((draft: Draft) => issue(context, draft));
  license
    .command('revoke')
    .argument('<id>', 'which one', idArgument)
    .description('takes a licence back')
    .action((id: string) => revoke(context, id));
  withDraft(license.command('sign'))
    .requiredOption('--key <file>', 'an Ed25519 private key in PEM, which only its owner may read')
    .option('--license-key <key>', 'the key of the licence; made when it is missing', keyArgument)
    .option('--out <file>', 'where the licence goes', 'license.json')
    .description('makes a licence file for a server that asks nobody; its key is shown this once')
    .action((options: SignOptions) => sign(context, options));
}

function withDraft(command: Command): Command {
  return command
    .requiredOption('--email <address>', 'to whom it is given', emailArgument)
    .requiredOption('--until <date>', 'until when it covers new releases', untilArgument);
}

async function status({ client, json }: Context): Promise<void> {
  const found = await client().ask('GET', '/api/v1/license/status', Status);
  const text = factsOf({
    valid: yesNo(found.valid),
    email: found.email ?? '-',
    'updates until': found.updatesExpireAt ?? '-',
    'updates active': yesNo(found.updatesActive),
  });
  print(json(), found, text);
}

async function list({ client, json }: Context): Promise<void> {
  const found = await client().ask('GET', ISSUED, Licenses);
  const head = ['ID', 'EMAIL', 'KEY', 'UPDATES UNTIL', 'ISSUED', 'BY', 'REVOKED'];
  const rows = found.licenses.map((one) => [
    one.id,
    one.email,
    `${one.prefix}-…`,
    one.updatesExpireAt,
    one.issuedAt,
    one.issuedBy,
    one.revokedAt ?? '-',
  ]);
  print(json(), found, tableOf(head, rows));
}

async function issue({ client, json }: Context, { email, until }: Draft): Promise<void> {
  const found = await client().ask('POST', ISSUED, Issued, { body: { email, updatesExpireAt: until } });
  const { id, email: to, updatesExpireAt } = found.license;
  const facts = { id, email: to, 'updates until': updatesExpireAt, 'key, shown once': found.licenseKey };
  print(json(), found, factsOf(facts));
}

async function revoke({ client, json }: Context, id: string): Promise<void> {
  const found = await client().ask('DELETE', `${ISSUED}/${encodeURIComponent(id)}`, License);
  print(json(), found, factsOf({ id: found.id, email: found.email, revoked: found.revokedAt ?? '-' }));
}

interface SignOptions extends Draft {
  key: string;
  licenseKey?: string;
  out: string;
}

function sign({ json }: Context, { key, email, until, licenseKey, out }: SignOptions): void {
  const signed = signLicense({ keyFile: key, email, updatesExpireAt: until, licenseKey });
  writeNew(out, signed);
  const { id, updatesExpireAt } = signed.statement;
  const facts = { id, email, 'updates until': updatesExpireAt, file: out, 'signed by': signed.publicKey };
  const result = { ...signed.statement, file: out, publicKey: signed.publicKey, licenseKey: signed.licenseKey };
  print(json(), result, factsOf({ ...facts, 'key, shown once': signed.licenseKey }));
}

/** A licence that was made before is not written over. */
function writeNew(file: string, { envelope }: SignedLicense): void {
  try {
    writeFileSync(file, `${JSON.stringify(envelope, null, 2)}\n`, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    const { code } = error as { code?: unknown };
    throw new CliError(
      'usage',
      `${file} ${code === 'EEXIST' ? 'is there already' : `cannot be written (${String(code)})`}`,
    );
  }
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}
