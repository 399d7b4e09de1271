#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { createRequire } from 'node:module';
import { addAlerts } from './commands/alerts.js';
import { addAudit } from './commands/audit.js';
import { addBackup } from './commands/backup.js';
import { addHosts } from './commands/hosts.js';
import { addLicense } from './commands/license.js';
import { addSession } from './commands/session.js';
import { addStatus } from './commands/status.js';
import { addTokens } from './commands/tokens.js';
import { contextOf } from './context.js';
import { CliError, exitHelp, exits } from './errors.js';
import { printable } from './output.js';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** All commands. */
function build(): Command {
  const program = new Command('lapwing')
    .description(
      'Speaks to a Lapwing server, as whoever the API token in LAPWING_TOKEN stands for, else as whoever has logged in.',
    )
    .addOption(new Option('--url <url>', 'where the server is').env('LAPWING_URL').default('http://127.0.0.1:8080'))
    .option('--token-file <file>', 'a file that holds the API token')
    .option('--json', 'print results as JSON')
    .option('--insecure', 'send passwords and tokens over plain http to another machine')
    .version(version, '--version', 'print the version')
    .addHelpText('after', exitHelp)
    .exitOverride();
  const context = contextOf(program);
  for (const add of [addSession, addStatus, addHosts, addAlerts, addTokens, addAudit, addBackup, addLicense])
    add(program, context);
  return program;
}

async function run(): Promise<number> {
  try {
    await build().parseAsync();
    return Number(process.exitCode ?? exits.ok);
  } catch (error) {
    // Commander has said what was wrong, or what was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exits.ok : exits.usage;
    if (!(error instanceof CliError)) throw error;
    process.stderr.write(`lapwing: ${printable(error.message)}\n`);
    return exits[error.exit];
  }
}

// Whoever reads has enough, e.g. `lapwing hosts | head`.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? exits.ok);
  });
process.exitCode = await run();
