// The files of the Helm chart that are derived: Helm reads nothing outside of the chart's folder, so that it needs copies of what
// kustomize reads, and its schema must know the settings of each service.
import fs from 'node:fs';
import path from 'node:path';
import * as prettier from 'prettier';
import { services } from '../checks/settings.mjs';

/** A setting that may be changed in the values. @typedef {{ name: string, about: string }} Setting */

const CHART = 'k8s/chart';

/**
 * Every derived file of the chart, with what it must hold.
 * @param {string} root of the repository
 * @returns {Promise<Record<string, string>>}
 */
export async function chartFiles(root) {
  const read = (/** @type {string} */ file) => fs.readFileSync(path.join(root, file), 'utf8');
  const { version } = JSON.parse(read('package.json'));
  const copies = copied().map(([from, to]) => [`${CHART}/files/${to}`, read(`k8s/${from}`)]);
  const chart = read(`${CHART}/Chart.yaml`).replaceAll(/^((?:appV|v)ersion:).*$/gm, `$1 ${version}`);
  const schema = JSON.stringify(withSettings(root, JSON.parse(read(`${CHART}/values.schema.json`))));
  return {
    ...Object.fromEntries(copies),
    [`${CHART}/Chart.yaml`]: chart,
    [`${CHART}/values.schema.json`]: await prettier.format(schema, { parser: 'json', printWidth: 120 }),
  };
}

/**
 * What the chart has copies of, and what they are called there.
 * @returns {[from: string, to: string][]}
 */
function copied() {
  const settings = Object.keys(services).map((service) =>
    pair(`base/settings/${service}.env`, `settings/${service}.env`),
  );
  const others = [
    pair('agents/settings.env', 'settings-agent.env'),
    pair('base/nats/nats.conf', 'nats/nats.conf'),
    pair('base/nats/kubernetes.conf', 'nats/kubernetes.conf'),
    pair('base/nats/cluster.conf', 'nats/alone.conf'),
    pair('components/nats-cluster/cluster.conf', 'nats/cluster.conf'),
    pair('components/nats-outside/kubernetes.conf', 'nats/outside.conf'),
    pair('components/monitoring/prometheus-rule.yaml', 'prometheus-rule.yaml'),
  ];
  return [...settings, ...others];
}

/**
 * @param {string} from
 * @param {string} to
 * @returns {[string, string]}
 */
const pair = (from, to) => [from, to];

/**
 * @param {string} root
 * @param {{ properties: Record<string, unknown>, $defs: Record<string, unknown> }} schema
 */
function withSettings(root, schema) {
  const known = Object.keys(services).map(
    (service) => /** @type {const} */ ([service, settingsIn(root, `base/settings/${service}.env`)]),
  );
  const [[, first] = ['', []], ...others] = known;
  const shared = first.filter(({ name }) => others.every(([, settings]) => settings.some((one) => one.name === name)));
  const properties = {
    ...schema.properties,
    settings: { description: 'Settings that every service gets.', ...settingsSchema(shared) },
    services: {
      type: 'object',
      additionalProperties: false,
      properties: Object.fromEntries(known.map(([service, settings]) => [service, serviceSchema(service, settings)])),
    },
  };
  const agentSettings = settingsSchema(settingsIn(root, 'agents/settings.env'));
  return { ...schema, properties, $defs: { ...schema.$defs, agentSettings } };
}

/**
 * The settings that stand in a file of which kustomize makes a ConfigMap: `# about` above each `NAME=value`.
 * @param {string} root
 * @param {string} file
 * @returns {Setting[]}
 */
function settingsIn(root, file) {
  const text = fs.readFileSync(path.join(root, 'k8s', file), 'utf8');
  return [...text.matchAll(/^(?:# (.*)\n)?([A-Z][A-Z0-9_]*)=/gm)].map(([, about = '', name = '']) => ({ name, about }));
}

/**
 * @param {string} service
 * @param {Setting[]} settings
 */
const serviceSchema = (service, settings) => ({
  type: 'object',
  additionalProperties: false,
  properties: {
    replicas: { $ref: '#/$defs/replicas' },
    resources: { $ref: '#/$defs/resources' },
    autoscaling: { $ref: '#/$defs/autoscaling' },
    settings: { description: `Settings of ${service}.`, ...settingsSchema(settings) },
  },
});

/** @param {Setting[]} settings */
const settingsSchema = (settings) => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    settings.map(({ name, about }) => [name, { ...(about && { description: about }), $ref: '#/$defs/setting' }]),
  ),
});
