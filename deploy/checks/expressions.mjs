// The questions to Prometheus that dashboards and rules hold.
import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/** @typedef {{ where: string, expr: string }} Expression */

export const DASHBOARDS = 'deploy/grafana/dashboards';
export const RULE_FILE = 'deploy/prometheus/rules/lapwing.yml';

/**
 * All dashboards as Grafana reads them.
 * @param {string} root
 */
export function readDashboards(root) {
  const folder = path.join(root, DASHBOARDS);
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({
      file: `${DASHBOARDS}/${name}`,
      board: JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')),
    }));
}

/** The panels of a dashboard, without the rows. @param {any} board @returns {any[]} */
export const panelsOf = (board) =>
  (board.panels ?? [])
    .flatMap((/** @type {any} */ panel) => [panel, ...(panel.panels ?? [])])
    .filter((/** @type {any} */ { type }) => type !== 'row');

/**
 * The rules, with what they are called.
 * @param {string} root
 * @returns {{ name: string, isAlert: boolean, expr: string, labels: Record<string, string>, annotations: Record<string, string> }[]}
 */
export function readRules(root) {
  const { groups } = parse(fs.readFileSync(path.join(root, RULE_FILE), 'utf8'));
  return groups.flatMap((/** @type {any} */ group) =>
    group.rules.map((/** @type {any} */ rule) => ({
      name: rule.alert ?? rule.record,
      isAlert: rule.alert !== undefined,
      expr: rule.expr,
      labels: rule.labels ?? {},
      annotations: rule.annotations ?? {},
    })),
  );
}

/**
 * Every expression, with its variables replaced as Grafana would where nothing is chosen.
 * @param {string} root
 * @returns {Expression[]}
 */
export function allExpressions(root) {
  const ofDashboards = readDashboards(root).flatMap(({ file, board }) =>
    panelsOf(board).flatMap((panel) =>
      (panel.targets ?? []).map((/** @type {any} */ { expr }) => ({
        where: `${file}, panel "${panel.title}"`,
        expr: filledIn(expr),
      })),
    ),
  );
  const ofRules = readRules(root).map(({ name, expr }) => ({ where: `${RULE_FILE}, ${name}`, expr }));
  return [...ofDashboards, ...ofRules];
}

/** @param {string} expr */
const filledIn = (expr) => expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$[a-z]+\b/g, '.*');

/**
 * The names of the metrics that an expression asks for: those of Lapwing and of the rules that record.
 * @param {string} expr
 * @returns {string[]}
 */
export const metricsIn = (expr) => [
  ...new Set(expr.replaceAll(/"[^"]*"/g, '').match(/\b(?:[a-z_]+:)?lapwing[a-z0-9_:]*/g) ?? []),
];
