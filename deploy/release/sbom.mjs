// The bill of materials of a release (CycloneDX 1.5, JSON): what lies in its tree, and nothing else. `npm sbom` lists what the lock file has
// for all platforms, names the project after its folder, and writes its own version and the time: no two would be alike.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { inOrder, readJson, walk } from './files.mjs';

/** @typedef {{ name: string, version: string, license?: unknown, licenses?: unknown, dependencies?: Record<string, string>, optionalDependencies?: Record<string, string>, peerDependencies?: Record<string, string> }} Manifest */
/** @typedef {{ place: string, manifest: Manifest, integrity?: string, isOwn: boolean }} Part */

/**
 * The text of the bill; the same tree gives the same text.
 * @param {string} from
 */
export function billOfMaterials(from) {
  const parts = partsOf(from);
  const { name, version, license } = readRoot(from);
  const self = { 'bom-ref': 'lapwing', type: 'application', name, version, ...licencesOf({ name, version, license }) };
  const content = {
    metadata: { component: self },
    components: parts.map(componentOf),
    dependencies: [
      { ref: 'lapwing', dependsOn: parts.filter(({ isOwn }) => isOwn).map(refOf) },
      ...parts.map((part) => ({ ref: refOf(part), dependsOn: neededBy(part, parts) })),
    ],
  };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(content))}`;
  const bill = { bomFormat: 'CycloneDX', specVersion: '1.5', serialNumber, version: 1, ...content };
  return `${JSON.stringify({ $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json', ...bill }, null, 2)}\n`;
}

/** @param {string} from */
function readRoot(from) {
  const { version } = readJson(path.join(from, 'release.json'));
  const file = path.join(from, 'package.json');
  const { license } = fs.existsSync(file) ? readJson(file) : {};
  return { name: 'lapwing', version, license };
}

/**
 * @param {string} from
 * @returns {Part[]}
 */
function partsOf(from) {
  const list = path.join(from, 'node_modules/.package-lock.json');
  /** @type {Record<string, { integrity?: string }>} */
  const locked = fs.existsSync(list) ? readJson(list).packages : {};
  const own = ['apps', 'libs'].flatMap((group) => foldersOf(path.join(from, group)).map((name) => `${group}/${name}`));
  const modules = [...walk(from, (_, entry) => entry.isDirectory())]
    .map(({ relative }) => relative)
    .filter((place) => /(^|\/)node_modules\/(@[^/]+\/)?[^@/][^/]*$/.test(place));
  const isPackage = (/** @type {string} */ place) => fs.existsSync(path.join(from, place, 'package.json'));
  return [...own, ...modules]
    .filter(isPackage)
    .toSorted(inOrder)
    .map((place) => ({
      place,
      manifest: readJson(path.join(from, place, 'package.json')),
      integrity: locked[place]?.integrity,
      isOwn: own.includes(place),
    }));
}

/** @param {string} folder */
const foldersOf = (folder) => (fs.existsSync(folder) ? fs.readdirSync(folder) : []);

/** Two of the same name and version can lie in two places. @param {Part} part */
const refOf = ({ place, manifest }) => `${place}@${manifest.version}`;

/** @param {Part} part */
function componentOf(part) {
  const { manifest, integrity, isOwn, place } = part;
  const [, scope, name] = /^(?:(@[^/]+)\/)?(.+)$/.exec(manifest.name) ?? [];
  return {
    'bom-ref': refOf(part),
    type: isOwn && place.startsWith('apps/') ? 'application' : 'library',
    ...(scope && { group: scope }),
    name,
    version: manifest.version,
    ...(integrity && { hashes: hashesOf(integrity) }),
    ...licencesOf(manifest),
    // Our own are in no registry: whoever published one of that name there is not us.
    ...(!isOwn && { purl: `pkg:npm/${scope ? `${scope.replace('@', '%40')}/` : ''}${name}@${manifest.version}` }),
  };
}

/**
 * Of Subresource Integrity, "sha512-" and base64, CycloneDX's form. These are sums of the packages as they were published.
 * @param {string} integrity
 */
function hashesOf(integrity) {
  const names = { sha512: 'SHA-512', sha384: 'SHA-384', sha256: 'SHA-256', sha1: 'SHA-1' };
  return integrity.split(/\s+/).flatMap((one) => {
    const [, algorithm = '', sum = ''] = /^([a-z0-9]+)-(.+)$/.exec(one) ?? [];
    const alg = names[/** @type {keyof typeof names} */ (algorithm)];
    return alg ? [{ alg, content: Buffer.from(sum, 'base64').toString('hex') }] : [];
  });
}

/** @param {Pick<Manifest, 'license' | 'licenses'> & { name: string, version: string }} manifest */
function licencesOf({ license, licenses }) {
  const named = [license, licenses].flat().flatMap((one) => {
    if (typeof one === 'string') return [one];
    return one && typeof one === 'object' && 'type' in one && typeof one.type === 'string' ? [one.type] : [];
  });
  const [first] = named;
  if (first === undefined) return {};
  if (named.length > 1) return { licenses: [{ expression: named.join(' OR ') }] };
  if (/ (OR|AND|WITH) /.test(first)) return { licenses: [{ expression: first }] };
  return { licenses: [{ license: /^[A-Za-z0-9.+-]+$/.test(first) ? { id: first } : { name: first } }] };
}

/**
 * What a part asks for, as far as it is there.
 * @param {Part} part
 * @param {Part[]} parts
 */
function neededBy({ place, manifest }, parts) {
  const names = Object.keys({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.peerDependencies,
  });
  const found = names.flatMap((name) => {
    const own = parts.find((part) => part.isOwn && part.manifest.name === name);
    const other = own ?? nearest(name, place, parts);
    return other ? [refOf(other)] : [];
  });
  return [...new Set(found)].toSorted(inOrder);
}

/**
 * The one that Node would find.
 * @param {string} name
 * @param {string} place
 * @param {Part[]} parts
 */
function nearest(name, place, parts) {
  const fits = parts.filter((part) => {
    const above = part.place.slice(0, -`/node_modules/${name}`.length);
    return (
      part.place === `node_modules/${name}` ||
      (part.place.endsWith(`/node_modules/${name}`) && `${place}/`.startsWith(`${above}/`))
    );
  });
  return fits.toSorted((a, b) => b.place.length - a.place.length)[0];
}

/** A UUID out of what it names, of version 8 (RFC 9562). @param {string} text */
function uuidOf(text) {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
