// Whether what watches Lapwing fits together: Prometheus' files, dashboards, the collector of traces and where it sends them.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { findPromtool } from '../local/binaries.mjs';
import { readCompose } from './compose-file.mjs';
import { allExpressions, panelsOf, readDashboards, readRules } from './expressions.mjs';
import { checkMetricNames } from './metric-names.mjs';
import { services } from './settings.mjs';

const COMPOSE = 'docker-compose.yml';
const PROMETHEUS = 'deploy/prometheus/prometheus.yml';
const RULES = 'deploy/prometheus/rules/lapwing.yml';
const RULE_TESTS = 'deploy/prometheus/rules/lapwing.test.yml';
const FOR_KUBERNETES = 'k8s/components/monitoring/prometheus-rule.yaml';
const DATASOURCES = 'deploy/grafana/provisioning/datasources/lapwing.yaml';
const PROVIDERS = 'deploy/grafana/provisioning/dashboards/lapwing.yaml';
const COLLECTOR = 'deploy/otel/collector.yaml';
const TEMPO = 'deploy/tempo/tempo.yaml';
const GUIDE = 'docs/observability.md';
const SEVERITIES = ['critical', 'warning', 'info'];

/**
 * Looks at all of it. See the contract in main.mjs.
 * @param {string} root
 * @param {{ dataDir?: string }} [options] where fetched programs are kept; beside this file's repository where it is left out
 * @returns {Promise<string[]>}
 */
export async function check(root, { dataDir = path.resolve(import.meta.dirname, '../../.data') } = {}) {
  const problems = [];
  const parts = [
    checkAlerts,
    checkDashboards,
    checkMetricNames,
    checkDatasources,
    checkTargets,
    checkKubernetes,
    checkCollector,
    checkTempo,
  ];
  for (const part of parts) problems.push(...guarded(() => part(root), part.name));
  problems.push(...guarded(() => checkWithPromtool(root, dataDir), 'promtool'));
  return problems;
}

/**
 * What cannot be looked at is a problem, too.
 * @param {() => string[]} look
 * @param {string} name
 */
function guarded(look, name) {
  try {
    return look();
  } catch (error) {
    return [`observability (${name}): ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** @param {string} root @param {string} file */
const text = (root, file) => fs.readFileSync(path.join(root, file), 'utf8');

/** @param {string} root @param {string} file */
function yaml(root, file) {
  try {
    return parse(text(root, file));
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`, {
      cause: error,
    });
  }
}

/** @param {string} root @param {string} dataDir */
function checkWithPromtool(root, dataDir) {
  const promtool = findPromtool(dataDir);
  const run = (/** @type {string[]} */ ...args) => {
    const { status, stdout, stderr } = spawnSync(promtool, args, { cwd: root, encoding: 'utf8', timeout: 60_000 });
    const said = `${stdout}\n${stderr}`
      .trim()
      .split('\n')
      .filter((line) => line.trim() !== '');
    return status === 0 ? [] : [`promtool ${args.join(' ')}: ${said.slice(-6).join(' | ')}`];
  };
  return [
    ...run('check', 'config', PROMETHEUS),
    ...run('check', 'rules', RULES),
    ...run('test', 'rules', RULE_TESTS),
    ...checkExpressions(root, promtool),
  ];
}

/**
 * Has promtool read every expression, as a rule of its own; one by one only where something is wrong.
 * @param {string} root
 * @param {string} promtool
 */
function checkExpressions(root, promtool) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lapwing-rules-'));
  const file = path.join(folder, 'rules.json');
  const isFine = (/** @type {string[]} */ exprs) => {
    const rules = exprs.map((expr, index) => ({ record: `checked:${index}`, expr }));
    fs.writeFileSync(file, JSON.stringify({ groups: [{ name: 'checked', rules }] }));
    return spawnSync(promtool, ['check', 'rules', file], { timeout: 60_000 }).status === 0;
  };
  try {
    const all = allExpressions(root);
    if (isFine(all.map(({ expr }) => expr))) return [];
    return all.filter(({ expr }) => !isFine([expr])).map(({ where, expr }) => `${where}: "${expr}" is no expression`);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} root */
function checkAlerts(root) {
  /** @type {string[]} */
  const problems = [];
  const guide = text(root, GUIDE);
  const tests = text(root, RULE_TESTS);
  for (const { name, isAlert, labels, annotations } of readRules(root)) {
    if (!isAlert) continue;
    const say = (/** @type {string} */ what) => problems.push(`${RULES}, ${name}: ${what}`);
    if (!SEVERITIES.includes(labels.severity ?? '')) say(`its severity must be one of ${SEVERITIES.join(', ')}`);
    for (const wanted of ['summary', 'description']) if (!annotations[wanted]) say(`it has no annotation "${wanted}"`);
    if (annotations.runbook_url !== `${GUIDE}#${name.toLowerCase()}`)
      say(`its runbook_url must be ${GUIDE}#${name.toLowerCase()}`);
    if (!guide.includes(`### ${name}\n`)) say(`${GUIDE} has no section of this name`);
    if (!tests.includes(name)) say(`no test in ${RULE_TESTS} names it`);
  }
  return problems;
}

/** @param {string} root */
function checkDashboards(root) {
  /** @type {string[]} */
  const problems = [];
  const uids = new Set();
  const known = new Set(yaml(root, DATASOURCES).datasources.map((/** @type {any} */ { uid }) => uid));
  for (const { file, board } of readDashboards(root)) {
    if (!board.uid || uids.has(board.uid)) problems.push(`${file}: its uid "${board.uid}" is missing or taken`);
    uids.add(board.uid);
    const ids = (board.panels ?? []).map((/** @type {any} */ { id }) => id);
    if (new Set(ids).size !== ids.length) problems.push(`${file}: two panels have the same id`);
    for (const panel of panelsOf(board)) {
      const say = (/** @type {string} */ what) => problems.push(`${file}, panel "${panel.title}": ${what}`);
      if (!panel.title || !panel.description) say('it wants a title and a description');
      if (!panel.fieldConfig?.defaults?.unit) say('it has no unit');
      if (!(panel.targets?.length > 0)) say('it asks nothing');
      for (const { uid } of [
        panel.datasource,
        ...(panel.targets ?? []).map((/** @type {any} */ one) => one.datasource),
      ])
        if (!known.has(uid)) say(`its data source "${uid}" is not in ${DATASOURCES}`);
    }
    problems.push(...overlaps(file, board));
  }
  return uids.size > 0 ? problems : [...problems, 'there are no dashboards'];
}

/** @param {string} file @param {any} board */
function overlaps(file, board) {
  const places = (board.panels ?? []).map((/** @type {any} */ { title, gridPos }) => ({ title, ...gridPos }));
  const problems = [];
  for (const [index, one] of places.entries())
    for (const other of places.slice(index + 1))
      if (one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h)
        problems.push(`${file}: the panels "${one.title}" and "${other.title}" overlap`);
  return problems;
}

/** @param {string} root */
function checkDatasources(root) {
  const { datasources } = yaml(root, DATASOURCES);
  const uids = new Set(datasources.map((/** @type {any} */ { uid }) => uid));
  const named = [...JSON.stringify(datasources).matchAll(/"datasourceUid":"([^"]*)"/g)].map(([, uid]) => uid);
  const { providers } = yaml(root, PROVIDERS);
  return [
    ...named.filter((uid) => !uids.has(uid)).map((uid) => `${DATASOURCES}: there is no data source "${uid}"`),
    ...(providers?.[0]?.options?.path ? [] : [`${PROVIDERS}: it does not say where dashboards are`]),
  ];
}

/**
 * Prometheus asks each service where it answers under compose, and marks what it finds as Lapwing's.
 * @param {string} root
 */
function checkTargets(root) {
  /** @typedef {{ names: string[], port: number }} Looked */
  /** @type {{ job_name: string, dns_sd_configs?: Looked[], relabel_configs?: { target_label?: string, replacement?: string }[] }[]} */
  const jobs = yaml(root, PROMETHEUS).scrape_configs;
  const { dns_sd_configs: looked = [], relabel_configs: relabel = [] } =
    jobs.find(({ job_name }) => job_name === 'lapwing') ?? {};
  const compose = readCompose(root, COMPOSE);
  const asked = new Map(looked.flatMap(({ names, port }) => names.map((name) => [name, port])));
  const isMarked = relabel.some(
    ({ target_label, replacement }) => target_label === 'part_of' && replacement === 'lapwing',
  );
  return [
    ...[...asked.keys()]
      .filter((name) => !(name in services))
      .map((name) => `${PROMETHEUS}: it asks ${name}, which is no service of ${COMPOSE}`),
    ...Object.keys(services).flatMap((name) => {
      const port = compose.services[name]?.environment?.['LAPWING_OPS_PORT'];
      if (!asked.has(name)) return [`${PROMETHEUS}: it does not ask ${name}`];
      return asked.get(name) === port
        ? []
        : [`${PROMETHEUS}: it asks ${name} at port ${asked.get(name)}, and in ${COMPOSE} it answers at ${port}`];
    }),
    ...(isMarked ? [] : [`${PROMETHEUS}: it does not set the label part_of to lapwing, by which rules know targets`]),
  ];
}

/** @param {string} root */
function checkKubernetes(root) {
  const { spec } = yaml(root, FOR_KUBERNETES);
  const same = JSON.stringify(spec.groups) === JSON.stringify(yaml(root, RULES).groups);
  return same ? [] : [`${FOR_KUBERNETES}: its rules are not those of ${RULES}; run "npm run derive"`];
}

/** @param {string} root */
function checkCollector(root) {
  const config = yaml(root, COLLECTOR);
  const problems = [];
  /** @type {{ pipelines?: Record<string, Record<string, string[]>>, extensions?: string[] }} */
  const { pipelines = {}, extensions = [] } = config.service ?? {};
  for (const [name, pipeline] of Object.entries(pipelines))
    for (const kind of ['receivers', 'processors', 'exporters']) {
      const wanted = pipeline[kind] ?? [];
      if (wanted.length === 0 && kind !== 'processors')
        problems.push(`${COLLECTOR}, pipeline ${name}: it has no ${kind}`);
      for (const one of wanted)
        if (config[kind]?.[one] === undefined)
          problems.push(`${COLLECTOR}, pipeline ${name}: "${one}" is not among the ${kind}`);
    }
  for (const one of extensions)
    if (config.extensions?.[one] === undefined) problems.push(`${COLLECTOR}: "${one}" is not among the extensions`);
  const tracing = pipelines['traces']?.['processors'] ?? [];
  if (tracing[0] !== 'memory_limiter')
    problems.push(`${COLLECTOR}: memory_limiter must come first in the pipeline of traces`);
  return problems;
}

/** The collector must send to where Tempo listens. @param {string} root */
function checkTempo(root) {
  const tempo = yaml(root, TEMPO);
  const endpoint = tempo.distributor?.receivers?.otlp?.protocols?.grpc?.endpoint ?? '';
  const target = yaml(root, COLLECTOR).exporters?.['otlp/tempo']?.endpoint ?? '';
  const port = (/** @type {string} */ address) => address.slice(address.lastIndexOf(':'));
  const { url = '' } =
    yaml(root, DATASOURCES).datasources.find((/** @type {any} */ { type }) => type === 'tempo') ?? {};
  return [
    ...(port(endpoint) === port(target) && endpoint
      ? []
      : [`${TEMPO}: it does not listen where ${COLLECTOR} sends to`]),
    ...(port(url) === `:${tempo.server?.http_listen_port}` ? [] : [`${DATASOURCES}: Tempo does not answer at ${url}`]),
  ];
}
