// `npm run check:deploy`: whether what Lapwing is deployed with holds together. Says everything that is wrong, and goes on to the rest.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { step } from '../local/steps.mjs';
import { lookAt } from './objects.mjs';

/** Gives problems in plain words, each with the file or object; none when all is well. It reads nothing outside of the root. @typedef {(root: string) => Promise<string[]>} Check */

/** Each a file beside this one. */
export const names = [
  'kubernetes',
  'pod-security',
  'references',
  'network',
  'environment',
  'chart',
  'dockerfile',
  'compose',
  'systemd',
  'observability',
];

/**
 * @param {string} name
 * @param {string} root
 * @returns {Promise<string[]>}
 */
async function problemsOf(name, root) {
  const file = path.join(import.meta.dirname, `${name}.mjs`);
  if (!fs.existsSync(file)) return [`deploy/checks/${name}.mjs is missing`];
  try {
    /** @type {{ check: Check }} */
    const { check } = await import(pathToFileURL(file).href);
    return await check(root);
  } catch (error) {
    return [`could not be checked: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
  }
}

const usage = `npm run check:deploy [-- OPTIONS]: whether what Lapwing is deployed with holds together

  --only CHECK      this check alone; may be there several times: ${names.join(', ')}
  --folder FOLDER   this kustomization, below the root, in place of those of k8s/; may be there several times
  --root FOLDER     another tree than this one
  --help            this text
`;

function readOptions() {
  try {
    return parseArgs({
      options: {
        root: { type: 'string' },
        only: { type: 'string', multiple: true },
        folder: { type: 'string', multiple: true },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return process.exit(2);
  }
}

const { values } = readOptions();
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
if (values.folder) lookAt(values.folder);
const root = path.resolve(values.root ?? path.join(import.meta.dirname, '../..'));
const chosen = names.filter((name) => values.only?.includes(name) ?? true);
const odd = values.only?.filter((name) => !names.includes(name)) ?? [];
if (odd.length > 0) {
  process.stderr.write(`there is no check ${odd.join(', ')}; there are ${names.join(', ')}\n`);
  process.exit(2);
}
let count = 0;
for (const name of chosen) {
  const problems = await problemsOf(name, root);
  count += problems.length;
  step(`${name}: ${problems.length === 0 ? 'good' : `${problems.length} problem(s)`}`);
  for (const problem of problems) process.stderr.write(`  ${name}: ${problem}\n`);
}
if (count > 0) {
  process.stderr.write(`\ncheck:deploy failed: ${count} problem(s)\n`);
  process.exit(1);
}
