#!/usr/bin/env node
/**
 * Adds lock entries for optional platform packages that the registry used for `npm install` did not serve.
 *
 * npm leaves such packages out of package-lock.json without a word, and `npm ci` then refuses the file on every
 * platform ("Missing: @swc/core-darwin-arm64 from lock file"). Run this after every `npm install`.
 */
import fs from 'node:fs';
import path from 'node:path';

const OS = ['darwin', 'win32', 'linux', 'freebsd', 'android', 'openharmony', 'openbsd', 'netbsd', 'sunos', 'aix'];
const CPU = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 's390x', 'riscv64', 'loong64', 'wasm32', 'mips64el'];

const file = path.join(process.argv[2] ?? '.', 'package-lock.json');
const lock = JSON.parse(fs.readFileSync(file, 'utf8'));
const packages = lock.packages;
let added = 0;

/** @param {string} name @returns {Record<string, string[]>} the os, cpu and libc that a platform package's name tells */
function platformOf(name) {
  const words = name.split(/[-/]/).map((word) => (word === 'windows' ? 'win32' : word));
  const os = OS.find((word) => words.includes(word));
  const cpu = CPU.find((word) => words.includes(word)) ?? (words.includes('armv7') ? 'arm' : undefined);
  const libc = /musl/.test(name) ? 'musl' : os === 'linux' && /gnu/.test(name) ? 'glibc' : undefined;
  return { ...(os && { os: [os] }), ...(cpu && { cpu: [cpu] }), ...(libc && { libc: [libc] }) };
}

for (const [parent, entry] of Object.entries(packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (packages[`${parent}/node_modules/${name}`] ?? packages[`node_modules/${name}`]) continue;
    packages[`node_modules/${name}`] = {
      version: range.replace(/^[\^~]/, ''),
      ...platformOf(name),
      ...(entry.dev && { dev: true }),
      optional: true,
    };
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
fs.writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added} optional platform packages added to ${file}\n`);
