#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { Client, readToken } from './client.js';
import { addLicense, type Context } from './commands/license.js';
import { CliError, exits } from './errors.js';
import { printable } from './output.js';

interface GlobalOptions {
  url: string;
  tokenFile?: string;
  json?: true;
}

/** All commands. */
function build(): Command {
  const program = new Command('lapwing')
    .description('Speaks to a Lapwing server, as whoever the API token in LAPWING_TOKEN stands for.')
    .addOption(new Option('--url <url>', 'where the server is').env('LAPWING_URL').default('http://127.0.0.1:8080'))
    .option('--token-file <file>', 'a file that holds the API token')
    .option('--json', 'print results as JSON')
    .exitOverride();
  const given = () => program.opts<GlobalOptions>();
  const context: Context = {
    client: () => new Client({ url: given().url, token: readToken(given().tokenFile) }),
    json: () => given().json === true,
  };
  addLicense(program, context);
  return program;
}

async function run(): Promise<number> {
  try {
    await build().parseAsync();
    return exits.ok;
  } catch (error) {
    // Commander has said what was wrong, or what was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exits.ok : exits.usage;
    if (!(error instanceof CliError)) throw error;
    process.stderr.write(`lapwing: ${printable(error.message)}\n`);
    return exits[error.exit];
  }
}

process.exitCode = await run();
