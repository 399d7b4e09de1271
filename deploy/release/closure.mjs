// Which packages production needs: what the shipped workspaces ask for, and what that asks for, as the lock file has it.
import fs from 'node:fs';
import path from 'node:path';
import { LaunchError } from '../local/steps.mjs';
import { inOrder } from './files.mjs';

/**
 * An entry of the lock file.
 * @typedef {object} Locked
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {boolean} [link]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [optionalDependencies]
 * @property {Record<string, string>} [peerDependencies]
 * @property {Record<string, { optional?: boolean }>} [peerDependenciesMeta]
 */

/**
 * What packages are asked for: the workspaces, and the launcher with what it can do without.
 * @typedef {object} Wanted
 * @property {string[]} workspaces folders below the root
 * @property {boolean} withPostgres
 */

/**
 * The paths of packages, as the lock file writes them, in order. What is only for other platforms is left out; so are peers that a
 * package can do without, unless somebody asks for them: that is what keeps the compiler out, which @nestjs/swagger would use to compile.
 * @param {string} root
 * @param {Record<string, Locked>} lock
 * @param {Wanted} wanted
 */
export function closureOf(root, lock, { workspaces, withPostgres }) {
  /** @type {Set<string>} */
  const found = new Set();
  // An iteration over a set reaches what is added meanwhile.
  const begun = new Set(workspaces);
  // PostgreSQL is all that the launcher itself asks for.
  const ofLauncher = withPostgres ? Object.keys(lock['']?.optionalDependencies ?? {}) : [];
  for (const optional of ofLauncher) add('', optional, true);
  for (const from of begun) {
    const entry = lock[from] ?? {};
    for (const name of Object.keys(entry.dependencies ?? {}))
      add(from, name, name in (entry.optionalDependencies ?? {}));
    for (const name of Object.keys(entry.optionalDependencies ?? {})) add(from, name, true);
    for (const name of Object.keys(entry.peerDependencies ?? {}))
      if (!entry.peerDependenciesMeta?.[name]?.optional) add(from, name, false);
  }
  return [...found].toSorted(inOrder);

  /**
   * @param {string} from
   * @param {string} name
   * @param {boolean} isOptional
   */
  function add(from, name, isOptional) {
    const place = resolved(lock, from, name);
    const entry = lock[place ?? ''];
    if (place === undefined || entry === undefined) {
      if (isOptional) return;
      throw new LaunchError(`the lock file has no ${name} for ${from}: run npm install`);
    }
    if (entry.link || (isOptional && !isForThis(entry))) return;
    if (!fs.existsSync(path.join(root, place, 'package.json')))
      throw new LaunchError(`${place} is not installed: run npm ci`);
    found.add(place);
    begun.add(place);
  }
}

/**
 * Where Node would find a package: below whoever asks, else below one of the folders above.
 * @param {Record<string, Locked>} lock
 * @param {string} from
 * @param {string} name
 */
function resolved(lock, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (lock[place]) return place;
    if (folder === '') return undefined;
  }
}

/** @param {Locked} entry */
const isForThis = ({ os, cpu }) => (!os || os.includes(process.platform)) && (!cpu || cpu.includes(process.arch));
