import type { Command } from 'commander';
import { statSync } from 'node:fs';
import { z } from 'zod';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { readText, refuseExisting, refuseOpenFile, writePrivate } from '../files.js';
import { factsOf, print, printable } from '../output.js';
import { ask } from '../prompt.js';

const Exported = z.object({ status: z.string(), data: z.string().min(1) });
const Imported = z.object({ status: z.string(), message: z.string().default('') });
/** Deriving the key and writing everywhere takes its time. */
const DEADLINE_MS = 120_000;
const MAX_FILE = 2 ** 26;
const MIN_PASSPHRASE = 12;
const INSTEAD = 'use --passphrase-file';

interface BackupOptions {
  out: string;
  passphraseFile?: string;
  force?: true;
}

interface RestoreOptions {
  passphraseFile?: string;
  yes?: true;
}

/** `lapwing backup`, `lapwing restore` */
export function addBackup(program: Command, context: Context): void {
  program
    .command('backup')
    .description('saves the configuration of the server in an encrypted file')
    .requiredOption('--out <file>', 'where it goes')
    .option('--passphrase-file <file>', 'a file that holds the pass phrase; asked for without')
    .option('--force', 'replace a file that is there')
    .action((options: BackupOptions) => backup(context, options));
  program
    .command('restore')
    .argument('<file>', 'what "backup" has saved')
    .description('replaces the configuration of the server by a saved one')
    .option('--passphrase-file <file>', 'a file that holds the pass phrase; asked for without')
    .option('--yes', 'do not ask')
    .action((file: string, options: RestoreOptions) => restore(context, file, options));
}

async function backup({ client: known, json }: Context, { out, passphraseFile, force }: BackupOptions): Promise<void> {
  const client = known();
  if (!force) refuseExisting(out);
  const passphrase = passphraseFile === undefined ? await newPassphrase() : passphraseIn(passphraseFile);
  const { data } = await client.ask('POST', '/api/config/export', Exported, {
    body: { passphrase },
    deadlineMs: DEADLINE_MS,
  });
  writePrivate(out, `${data}\n`, force === true);
  const bytes = data.length + 1;
  const facts = {
    server: client.url,
    file: out,
    bytes: String(bytes),
    note: 'keep the pass phrase: nobody can open the file without it',
  };
  print(json(), { url: client.url, file: out, bytes }, factsOf(facts));
}

async function restore(
  { client: known, json }: Context,
  file: string,
  { passphraseFile, yes }: RestoreOptions,
): Promise<void> {
  const client = known();
  const data = readBackup(file);
  process.stderr.write(
    `This replaces the configuration of ${client.url} by that of ${printable(file)} (${data.length} bytes, ${statSync(file).mtime.toISOString()}):\n` +
      'nodes and their credentials, rules of alerts, channels of notifications, settings of the system, what is noted about guests.\n' +
      'Users, API tokens, hosts, history and logs stay as they are.\n',
  );
  if (!yes) {
    const answer = await ask('Go on? Type "yes": ', { hidden: false, instead: 'say --yes' });
    if (answer.trim().toLowerCase() !== 'yes') throw new CliError('usage', 'nothing was changed');
  }
  const passphrase =
    passphraseFile === undefined
      ? await ask('Pass phrase: ', { hidden: true, instead: INSTEAD })
      : passphraseIn(passphraseFile);
  const body = { passphrase, data };
  const { status, message } = await client.ask('POST', '/api/config/import', Imported, {
    body,
    deadlineMs: DEADLINE_MS,
  });
  print(
    json(),
    { url: client.url, file, status, message },
    factsOf({ server: client.url, file, restored: message || status }),
  );
}

function readBackup(file: string): string {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > MAX_FILE) throw new CliError('usage', `${file} is larger than any backup`);
  const data = readText(file).trim();
  if (data === '') throw new CliError('usage', `${file} is empty`);
  return data;
}

function passphraseIn(file: string): string {
  const [line = ''] = readText(file).split(/\r?\n/, 1);
  if (line === '') throw new CliError('usage', `${file} holds no pass phrase`);
  refuseOpenFile(file);
  return line;
}

async function newPassphrase(): Promise<string> {
  const first = await ask('Pass phrase: ', { hidden: true, instead: INSTEAD });
  if (first.length < MIN_PASSPHRASE)
    throw new CliError('usage', `a pass phrase has at least ${MIN_PASSPHRASE} characters`);
  if ((await ask('The same again: ', { hidden: true, instead: INSTEAD })) !== first)
    throw new CliError('usage', 'the pass phrases differ: nothing was saved');
  return first;
}
