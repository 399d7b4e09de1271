// `lapwing-release pack`: a tree becomes an archive whose bytes depend on the tree alone.
import { Release, Version } from '@lapwing/contracts';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import tar from 'tar-stream';
import { root } from '../local/options.mjs';
import { LaunchError, step } from '../local/steps.mjs';
import { readJson, sha256Of, walk, writeWhole } from './files.mjs';
import { billOfMaterials } from './sbom.mjs';

/** Zlib's own default: 9 takes nearly three times as long for half a percent. */
const LEVEL = 6;

/**
 * Makes the archive, its sum and its bill of materials.
 * @param {string} from
 * @param {string} out
 * @returns {Promise<string>} the archive
 */
export async function pack(from, out) {
  const { version, platform } = manifestOf(from);
  fs.mkdirSync(out, { recursive: true });
  const name = `lapwing-${version}-${platform}`;
  const archive = path.join(out, `${name}.tar.gz`);
  const mtime = timeOfRelease();
  step(`packing ${path.basename(archive)}`);
  const partial = `${archive}.tmp`;
  await pipeline(tree(from, `lapwing-${version}`, mtime), createGzip({ level: LEVEL }), fs.createWriteStream(partial));
  fs.renameSync(partial, archive);
  writeWhole(`${archive}.sha256`, `${await sha256Of(archive)}  ${path.basename(archive)}\n`);
  step('writing the bill of materials');
  writeWhole(path.join(out, `${name}.sbom.json`), billOfMaterials(from));
  return archive;
}

/**
 * @param {string} from
 * @returns {{ version: string, platform: string }}
 */
function manifestOf(from) {
  const file = path.join(from, 'release.json');
  if (!fs.existsSync(file)) throw new LaunchError(`${from} is no tree of a release: it has no release.json`);
  const { version, platform } = readJson(file);
  if (!Version.safeParse(version).success || !Release.shape.platform.safeParse(platform).success)
    throw new LaunchError(`${file} names no version and platform`);
  return { version, platform };
}

/** The one time that all files carry: SOURCE_DATE_EPOCH, else that of the last commit. */
function timeOfRelease() {
  const { SOURCE_DATE_EPOCH: given } = process.env;
  const seconds = given ?? spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }).stdout;
  if (!/^\d{1,10}\s*$/.test(seconds ?? ''))
    throw new LaunchError(
      'SOURCE_DATE_EPOCH must be the time of the release in seconds since 1970: there is no commit to take it from',
    );
  return new Date(Number(seconds) * 1000);
}

/**
 * @param {string} from
 * @param {string} top the one folder in which all is
 * @param {Date} mtime
 */
function tree(from, top, mtime) {
  const into = tar.pack();
  const write = async () => {
    await entry(into, { name: top, type: 'directory', mode: 0o755, mtime });
    for (const { relative, entry: found } of walk(from)) {
      const file = path.join(from, relative);
      const name = `${top}/${relative}`;
      if (found.isDirectory()) await entry(into, { name, type: 'directory', mode: 0o755, mtime });
      else if (found.isSymbolicLink())
        await entry(into, { name, type: 'symlink', linkname: linkInside(from, relative), mode: 0o777, mtime });
      else await content(into, file, { name, mtime });
    }
    into.finalize();
  };
  write().catch((/** @type {Error} */ error) => into.destroy(error));
  return into;
}

/**
 * @param {tar.Pack} into
 * @param {Partial<tar.Header> & { name: string }} headers
 * @returns {Promise<void>}
 */
const entry = (into, headers) =>
  new Promise((resolve, reject) => {
    into.entry({ ...owner, ...headers }, (error) => (error ? reject(error) : resolve()));
  });

/** Nobody's name or number on the machine that packs. */
const owner = { uid: 0, gid: 0, uname: '', gname: '' };

/**
 * @param {tar.Pack} into
 * @param {string} file
 * @param {{ name: string, mtime: Date }} headers
 */
async function content(into, file, headers) {
  const state = fs.statSync(file);
  if (!state.isFile()) throw new LaunchError(`${file} is neither a file nor a folder nor a link`);
  const mode = (state.mode & 0o111) === 0 ? 0o644 : 0o755;
  const sink = into.entry({ ...owner, ...headers, type: 'file', size: state.size, mode });
  await pipeline(fs.createReadStream(file), sink);
}

/**
 * Where a link leads; only inside of the tree.
 * @param {string} from
 * @param {string} relative
 */
function linkInside(from, relative) {
  const target = fs.readlinkSync(path.join(from, relative));
  const led = path.posix.normalize(path.posix.join(path.posix.dirname(relative), target));
  if (path.isAbsolute(target) || led === '..' || led.startsWith('../'))
    throw new LaunchError(`the link ${relative} leads out of the release, to ${target}`);
  return target;
}

/** A manifest larger than this is none. Bytes. */
const MAX_MANIFEST = 65_536;

/**
 * What an archive says that it is; undefined when it says nothing.
 * @param {string} archive
 * @param {string} version
 * @returns {Promise<{ version?: unknown, platform?: unknown } | undefined>}
 */
export async function manifestInside(archive, version) {
  const reader = tar.extract();
  /** @type {string | undefined} */
  let text;
  const done = pipeline(fs.createReadStream(archive), createGunzip(), reader);
  // What went wrong in reading is told by `done`; the loop ends without saying why.
  done.catch(() => {});
  for await (const found of reader) {
    const isManifest = found.header.name === `lapwing-${version}/release.json` && found.header.size <= MAX_MANIFEST;
    for await (const piece of found) if (isManifest) text = (text ?? '') + piece;
  }
  await done;
  return text === undefined ? undefined : JSON.parse(text);
}
