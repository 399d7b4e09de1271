// Whether the Helm chart is sound, and gives what kustomize gives.
import fs from 'node:fs';
import path from 'node:path';
import { chartFiles } from '../kubernetes/chart-files.mjs';
import { lint, pairs, renderChart, unequal } from '../kubernetes/chart.mjs';
import { LaunchError } from '../local/steps.mjs';
import * as environment from './environment.mjs';
import * as kubernetes from './kubernetes.mjs';
import { objectsIn, readIn } from './objects.mjs';
import * as podSecurity from './pod-security.mjs';
import * as references from './references.mjs';

/** @type {import('./main.mjs').Check} */
export const check = async (root) => [...(await staleIn(root)), ...pairs.flatMap((pair) => problemsOf(root, pair))];

/**
 * Files of the chart that are derived, and not up to date.
 * @param {string} root
 */
async function staleIn(root) {
  const isStale = ([file = '', content = '']) => {
    const target = path.join(root, file);
    return !fs.existsSync(target) || fs.readFileSync(target, 'utf8') !== content;
  };
  const stale = Object.entries(await chartFiles(root)).filter(isStale);
  return stale.map(([file]) => `${file} is not up to date: run "npm run derive"`);
}

/**
 * @param {string} root
 * @param {import('../kubernetes/chart.mjs').Pair} pair
 * @returns {string[]}
 */
function problemsOf(root, pair) {
  try {
    lint(root, pair.values);
    const problems = [...unequal(root, pair), ...problemsOfObjects(root, pair)];
    return problems.map((problem) => `k8s/chart, ${pair.name}: ${problem}`);
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    return [`k8s/chart, ${pair.name}: ${error.message}`];
  }
}

/**
 * The test of the chart is not in kustomize, and therefore nothing else looks at it.
 * @param {string} root
 * @param {import('../kubernetes/chart.mjs').Pair} pair
 */
function problemsOfObjects(root, pair) {
  const objects = [
    // Helm makes no namespace that fits; this one is to be there before.
    ...objectsIn(readIn(root, 'k8s/base/namespace.yaml')),
    ...renderChart(root, { ...pair, hooks: true }),
  ];
  return [
    ...kubernetes.problemsOf(objects),
    ...podSecurity.problemsOf(objects),
    ...references.problemsOf(objects),
    ...environment.problemsOf(objects, root),
  ];
}
