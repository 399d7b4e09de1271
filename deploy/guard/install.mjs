// Puts an unpacked release where the guard runs it: `node deploy/guard/install.mjs --to /opt/lapwing/server`. Done again, with the same release or another
// one, it does no harm. What runs is not restarted.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname, '../..');

function main() {
  const { values } = parseArgs({ options: { to: { type: 'string' } } });
  const install = path.resolve(values.to ?? '/opt/lapwing/server');
  const manifest = path.join(root, 'release.json');
  if (!fs.existsSync(manifest)) throw new Error(`${root} is no unpacked release: it has no release.json`);
  const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  const target = path.join(install, 'releases', version);
  if (!fs.existsSync(target)) copyRelease(target);
  fs.mkdirSync(path.join(install, 'guard'), { recursive: true });
  for (const file of fs.readdirSync(import.meta.dirname).filter((name) => name !== 'install.mjs'))
    fs.copyFileSync(path.join(import.meta.dirname, file), path.join(install, 'guard', file));
  const unfinished = path.join(install, '.current.new');
  fs.rmSync(unfinished, { force: true });
  fs.symlinkSync(path.join('releases', version), unfinished);
  fs.renameSync(unfinished, path.join(install, 'current'));
  process.stdout.write(`Lapwing ${version} is installed in ${install}; run it with: node ${install}/guard/guard.mjs\n`);
}

/** @param {string} target */
function copyRelease(target) {
  const unfinished = path.join(path.dirname(target), '.incoming');
  fs.rmSync(unfinished, { recursive: true, force: true });
  fs.cpSync(root, unfinished, { recursive: true, verbatimSymlinks: true });
  fs.renameSync(unfinished, target);
  // Whoever installs by hand vouches for it: an update that does not hold may lead back here.
  fs.writeFileSync(path.join(target, '.proven'), `${new Date().toISOString()}\n`);
}

try {
  main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
