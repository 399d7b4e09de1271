// Makes the dashboards out of their descriptions in boards/, and the rules in the form that Kubernetes wants.
import fs from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { alerting } from './boards/alerting.mjs';
import { bus } from './boards/bus.mjs';
import { database } from './boards/database.mjs';
import { http } from './boards/http.mjs';
import { ingest } from './boards/ingest.mjs';
import { overview } from './boards/overview.mjs';
import { runtime } from './boards/runtime.mjs';
import { metricList } from './metric-list.mjs';
import { dashboard } from './panels.mjs';

/** All dashboards, as they are described. */
export const boards = [overview, http, ingest, bus, alerting, database, runtime];

/** Where the rules are for Prometheus under compose. */
export const RULES = 'deploy/prometheus/rules/lapwing.yml';

/**
 * The files that are derived, each with what it holds.
 * @param {string} root of the repository
 * @returns {Record<string, string>}
 */
export function observabilityFiles(root) {
  const dashboards = boards.map((board) => [
    `deploy/grafana/dashboards/${board.uid}.json`,
    `${JSON.stringify(dashboard(board), null, 2)}\n`,
  ]);
  return {
    ...Object.fromEntries(dashboards),
    'docs/metrics.txt': metricList(root),
    'k8s/components/monitoring/prometheus-rule.yaml': prometheusRule(root),
  };
}

/** @param {string} root */
function prometheusRule(root) {
  const { groups } = parse(fs.readFileSync(path.join(root, RULES), 'utf8'));
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: {
      name: 'lapwing',
      labels: { 'app.kubernetes.io/name': 'lapwing', 'app.kubernetes.io/part-of': 'lapwing' },
    },
    spec: { groups },
  };
  return `# Derived from ${RULES}: npm run derive\n${stringify(rule, { lineWidth: 0 })}`;
}
