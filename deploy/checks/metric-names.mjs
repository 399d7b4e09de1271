// Whether dashboards and rules ask for metrics that there are: those of Lapwing's code, those of Node, and those that rules record.
import fs from 'node:fs';
import path from 'node:path';
import { Registry, collectDefaultMetrics } from 'prom-client';
import { allExpressions, metricsIn, readRules } from './expressions.mjs';

/** Lapwing's own, derived from the code: npm run derive. */
const LIST = 'docs/metrics.txt';

/**
 * What is asked for and told by nobody.
 * @param {string} root
 * @returns {string[]}
 */
export function checkMetricNames(root) {
  const known = new Set([...ofLapwing(root), ...ofNode(), ...recorded(root)]);
  return allExpressions(root).flatMap(({ where, expr }) =>
    metricsIn(expr)
      .filter((name) => !known.has(name))
      .map((name) => `${where}: there is no metric ${name}`),
  );
}

/** @param {string} root */
function ofLapwing(root) {
  const lines = fs.readFileSync(path.join(root, LIST), 'utf8').matchAll(/^(\w+)\{[^}]*\} +(\w+)/gm);
  return [...lines].flatMap(([, name = '', kind = '']) => series(name, kind));
}

/** What prom-client tells of each process. */
function ofNode() {
  const register = new Registry();
  collectDefaultMetrics({ register, prefix: 'lapwing_' });
  return register.getMetricsAsArray().flatMap(({ name, type }) => series(name, String(type)));
}

/** @param {string} root */
const recorded = (root) =>
  readRules(root)
    .filter(({ isAlert }) => !isAlert)
    .map(({ name }) => name);

/** The names under which a metric is kept. @param {string} name @param {string} kind */
const series = (name, kind) =>
  kind === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name];
