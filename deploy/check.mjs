// `npm run check`: format, lint, types, import directions, derived lists. Says what failed, and goes on to the rest.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build, installPackages } from './local/install.mjs';
import { step } from './local/steps.mjs';

const root = path.resolve(import.meta.dirname, '..');
installPackages();
step('types');
build();

const checks = [
  ['types of scripts', ['typescript-7/bin/tsc', '-p', 'deploy/tsconfig.json']],
  ['format', ['prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.']],
  ['lint', ['oxlint/bin/oxlint', '--type-aware', '--deny-warnings', 'apps', 'libs', 'e2e', 'bench', 'deploy', 'tools']],
  ['import directions', ['dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.cjs', 'apps', 'libs', 'e2e', 'bench']],
];
const failed = checks.filter(([name = '', [script = '', ...args] = []]) => {
  step(String(name));
  return spawnSync(process.execPath, [path.join(root, 'node_modules', String(script)), ...args], { cwd: root, stdio: 'inherit' }).status !== 0;
});
step('derived lists');
if (spawnSync(process.execPath, ['deploy/derive.mjs', '--check'], { cwd: root, stdio: 'inherit' }).status !== 0) failed.push(['derived lists']);
if (failed.length > 0) {
  process.stderr.write(`\ncheck failed: ${failed.map(([name]) => name).join(', ')}\n`);
  process.exit(1);
}
step('all checks passed');
