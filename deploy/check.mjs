// `npm run check`: format, lint, types, import directions, derived lists, deployment. Says what failed, and goes on to the rest.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build, installPackages } from './local/install.mjs';
import { step } from './local/steps.mjs';

const root = path.resolve(import.meta.dirname, '..');
installPackages();
const code = ['apps', 'libs', 'e2e', 'bench'];
step('types');
build();

/** @type {[name: string, script: string, ...args: string[]][]} */
const checks = [
  ['types of scripts', 'node_modules/typescript-7/bin/tsc', '-p', 'deploy/tsconfig.json'],
  ['types of tests', 'node_modules/typescript-7/bin/tsc', '-p', 'tsconfig.tests.json'],
  ['format', 'node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
  ['lint', 'node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', ...code, 'deploy', 'tools'],
  [
    'import directions',
    'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
    '--config',
    '.dependency-cruiser.cjs',
    ...code,
  ],
  ['derived lists', 'deploy/derive.mjs', '--check'],
  ['deployment', 'deploy/checks/main.mjs'],
];
const failed = checks.filter(([name, ...args]) => {
  step(name);
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) {
  process.stderr.write(`\ncheck failed: ${failed.map(([name]) => name).join(', ')}\n`);
  process.exit(1);
}
step('all checks passed');
