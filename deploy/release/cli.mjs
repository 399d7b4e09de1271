// `npm run lapwing-release -- <command>` and `npm run release`: makes releases, and the signed feed that names them. See docs/releases.md.
import fs from 'node:fs';
import path from 'node:path';
import { build, installPackages } from '../local/install.mjs';
import { root } from '../local/options.mjs';
import { LaunchError, fail } from '../local/steps.mjs';
import { helpOf, readCommand } from './options.mjs';

/** Those that copy what was compiled; the others only need that it is there. */
const ofCompiled = ['stage', 'release'];

async function main() {
  const [name = '', ...args] = process.argv.slice(2);
  const isHelp = ['', 'help', '--help'].includes(name);
  const options = isHelp ? undefined : readCommand(name, args);
  if (!options) {
    process.stdout.write(helpOf(name));
    return;
  }
  prepare(name);
  try {
    const { commands } = await import('./commands.mjs');
    await commands[/** @type {keyof typeof commands} */ (name)](options);
  } catch (error) {
    throw asPlain(error);
  }
}

/** @param {string} name */
function prepare(name) {
  const isCompiled = fs.existsSync(path.join(root, 'apps/updates/dist/domain/feed.js'));
  if (isCompiled && !ofCompiled.includes(name)) return;
  installPackages();
  build();
}

/**
 * What a signature or a file was refused for is no fault of the program, and needs no stack.
 * @param {unknown} error
 */
function asPlain(error) {
  if (!(error instanceof Error)) return error;
  const isOfFiles = 'code' in error && typeof error.code === 'string' && 'path' in error;
  return error.name === 'SigningError' || isOfFiles ? new LaunchError(error.message) : error;
}

main().catch(fail);
