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
import * as workings from './workings.mjs';

/** @type {import('./main.mjs').Check} */
export const check = async (root) => [
  ...(await staleIn(root)),
  ...[...new Set(pairs.flatMap(({ values }) => values))].flatMap((values) => lintProblems(root, values)),
  ...pairs.flatMap((pair) => problemsOf(root, pair)),
];

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
 * @param {string} values
 */
const lintProblems = (root, values) =>
  tried(`k8s/chart, ${values}`, () => {
    lint(root, values);
    return [];
  });

/**
 * @param {string} root
 * @param {import('../kubernetes/chart.mjs').Pair} pair
 */
const problemsOf = (root, pair) =>
  tried(`k8s/chart, ${pair.name}`, () => {
    const charted = renderChart(root, pair);
    return [...unequal(root, pair, charted), ...problemsOfObjects(root, charted)];
  });

/**
 * @param {string} what is looked at
 * @param {() => string[]} look
 */
function tried(what, look) {
  try {
    return look().map((problem) => `${what}: ${problem}`);
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    return [`${what}: ${error.message}`];
  }
}

/**
 * The test of the chart is not in kustomize, and therefore nothing else looks at it.
 * @param {string} root
 * @param {import('./objects.mjs').KubernetesObject[]} charted
 */
function problemsOfObjects(root, charted) {
  // Helm makes no namespace that fits; this one is to be there before.
  const objects = [...objectsIn(readIn(root, 'k8s/base/namespace.yaml')), ...charted];
  return [
    ...kubernetes.problemsOf(objects),
    ...podSecurity.problemsOf(objects),
    ...references.problemsOf(objects),
    ...environment.problemsOf(objects, root),
    ...workings.problemsOf(objects),
  ];
}
