// Which files of the workspaces and of packages are shipped: what can run, and what licences demand.
import fs from 'node:fs';
import path from 'node:path';
import { walk } from './files.mjs';

/** Folders below `apps` and `libs` that a release is made of; the fakes of tests are none of it. */
const notShipped = new Set(['libs/testing']);

/** For those who compile, debug or read. */
const notRun = /\.(map|ts|mts|cts|tsx|flow|tsbuildinfo|md|markdown|spec\.js|test\.js)$/i;
const licence = /^(licen[sc]e|notice|copying|copyright|authors)/i;
/** Only at the top of a package: further down it may well be code. */
const notRunFolders = new Set([
  'test',
  'tests',
  '__tests__',
  'benchmark',
  'benchmarks',
  'bench',
  'examples',
  'example',
]);

/**
 * The workspaces that are shipped, as folders below the root.
 * @param {string} root
 */
export function shippedWorkspaces(root) {
  return ['apps', 'libs'].flatMap((group) =>
    fs
      .readdirSync(path.join(root, group))
      .map((name) => `${group}/${name}`)
      .filter((folder) => !notShipped.has(folder) && fs.existsSync(path.join(root, folder, 'package.json'))),
  );
}

/**
 * The files of a workspace, relative to it; its `package.json` is written anew. What a former build has left in `dist` and nothing is
 * compiled to any more is not among them, nor is the agent, which is made anew.
 * @param {string} folder
 */
export function filesOfWorkspace(folder) {
  const files = ['dist', 'migrations', 'scripts', 'sql'].filter((name) => fs.existsSync(path.join(folder, name)));
  return files.flatMap((top) =>
    [...walk(path.join(folder, top), (relative) => !(top === 'dist' && relative === 'agent'))]
      .filter(({ entry }) => entry.isFile() && !notRun.test(entry.name))
      .map(({ relative }) => `${top}/${relative}`)
      .filter((file) => !file.startsWith('dist/') || isCompiled(folder, file)),
  );
}

/**
 * @param {string} folder
 * @param {string} file
 */
const isCompiled = (folder, file) =>
  fs.existsSync(path.join(folder, file.replace(/^dist\//, 'src/').replace(/\.js$/, '.ts')));

/**
 * The files of a package, relative to it, without those of packages inside of it; none for a package of which nothing runs. Packages hold
 * no links: those that are there were made by their installation.
 * @param {string} folder
 */
export function filesOfPackage(folder) {
  const files = [...walk(folder, isWanted)].filter(({ entry }) => entry.isFile()).map(({ relative }) => relative);
  const runs = files.some((file) => file !== 'package.json' && !licence.test(path.basename(file)));
  return runs ? files : [];
}

/**
 * @param {string} relative
 * @param {fs.Dirent} entry
 */
function isWanted(relative, entry) {
  if (!entry.isDirectory()) return licence.test(entry.name) || !(notRun.test(entry.name) || isHidden(entry.name));
  if (entry.name === 'node_modules' || isHidden(entry.name) || notRunFolders.has(relative)) return false;
  const [, platform] = /^prebuilds\/([^/]+)$/.exec(relative) ?? [];
  return platform === undefined || platform === `${process.platform}-${process.arch}`;
}

/** Settings of tools: nothing asks for them at run time. @param {string} name */
const isHidden = (name) => name.startsWith('.');
