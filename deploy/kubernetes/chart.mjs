// Renders the Helm chart, and compares it with what kustomize makes of the folders that it must equal.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { objectsIn } from '../checks/objects.mjs';
import { differences, fullNameOf } from './compare.mjs';
import { withoutImages } from './images.mjs';
import { findTool, render, run } from './tools.mjs';

/** @typedef {import('../checks/objects.mjs').KubernetesObject} KubernetesObject */

/** How the chart is installed. @typedef {{ release?: string, namespace?: string, values?: string[], set?: string[] }} Installation */

/**
 * A choice that can be made with both: by folders of kustomize, or the base with components; and by values.
 * @typedef {object} Pair
 * @property {string} name
 * @property {string[]} folders
 * @property {string[]} [components] of k8s/components; then a kustomization is made of them and of the folders
 * @property {string[]} values files
 * @property {string[]} [set] more values
 */

/** What must be equal. @type {Pair[]} */
export const pairs = [
  { name: 'single', folders: ['k8s/overlays/single', 'k8s/agents'], values: ['k8s/chart/values-single.yaml'] },
  {
    name: 'production',
    folders: ['k8s/overlays/production', 'k8s/agents'],
    values: ['k8s/chart/values-production.yaml'],
  },
  {
    name: 'production with nats-outside',
    folders: ['k8s/overlays/production'],
    components: ['nats-outside'],
    values: ['k8s/chart/values-production.yaml'],
    set: ['nats.outside.enabled=true', 'agents.enabled=false'],
  },
  {
    name: 'single with more',
    folders: ['k8s/overlays/single'],
    components: ['nats-cluster', 'availability', 'monitoring'],
    values: ['k8s/chart/values-single.yaml'],
    set: [
      'nats.replicas=3',
      'availability.disruptionBudgets=true',
      'availability.spread=true',
      'monitoring.enabled=true',
      'agents.enabled=false',
    ],
  },
];

/** What only kustomize makes, and why. @type {Record<string, string>} */
export const exceptions = {
  'Namespace lapwing': 'Helm keeps what it knows of an installation in the namespace, which must be there before',
  'ConfigMap lapwing/lapwing-version': 'how kustomize is told the version; the chart has its own',
  'ConfigMap lapwing-agents/lapwing-version': 'the same',
};

/** Labels and annotations that Helm and its users expect, and kustomize does not write. */
const OF_HELM = ['helm.sh/chart', 'app.kubernetes.io/managed-by', 'app.kubernetes.io/instance', 'checksum/settings'];

/** kustomize ends the names of what it generates with a hash of their content. */
const HASH = /-[0-9bcdfghkmt2456789]{10}$/;

/**
 * The objects of an installation, as Helm would create them, with those of its test.
 * @param {string} root of the repository
 * @param {Installation} [installation]
 * @returns {KubernetesObject[]}
 * @throws LaunchError with what Helm says
 */
export const renderChart = (root, installation = {}) =>
  objectsIn(run(findTool('helm'), ['template', ...options(root, installation)]));

/**
 * Has Helm look at the chart.
 * @param {string} root
 * @param {string} values a file
 * @throws LaunchError with what it finds
 */
export const lint = (root, values) =>
  run(findTool('helm'), ['lint', '--strict', path.join(root, 'k8s/chart'), ...files(root, [values])]);

/**
 * Where the chart and kustomize differ, a line each. Where images are and which version is not compared.
 * @param {string} root
 * @param {Pair} pair
 * @param {KubernetesObject[]} charted what {@link renderChart} gives
 * @returns {string[]}
 */
export function unequal(root, pair, charted) {
  const kustomized = objectsOf(root, pair).filter((object) => !(fullNameOf(object) in exceptions));
  const generated = kustomized.map(({ metadata }) => metadata.name).filter((name) => HASH.test(name));
  const names = new Map(generated.map((name) => [name, name.replace(HASH, '')]));
  const installed = charted.filter((object) => !isHook(object));
  const [left, right] = [plain(kustomized, names), plain(installed, new Map())].map(withoutImages);
  return differences(left ?? [], right ?? [], { left: 'kustomize', right: 'the chart' });
}

/**
 * What kustomize makes of one side of a pair.
 * @param {string} root
 * @param {Pair} pair
 */
function objectsOf(root, { folders, components }) {
  if (!components) return folders.flatMap((folder) => objectsIn(render(path.join(root, folder))));
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'lapwing-kustomization-'));
  // kustomize takes no absolute paths.
  const below = (/** @type {string} */ to) => path.relative(folder, path.join(fs.realpathSync(root), to));
  try {
    const kustomization = {
      namespace: 'lapwing',
      resources: folders.map(below),
      components: components.map((component) => below(`k8s/components/${component}`)),
    };
    fs.writeFileSync(path.join(folder, 'kustomization.yaml'), stringify(kustomization));
    return objectsIn(render(folder));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/**
 * @param {string} root
 * @param {Installation} installation
 */
const options = (root, { release = 'lapwing', namespace = 'lapwing', values = [], set = [] }) => [
  release,
  path.join(root, 'k8s/chart'),
  '--namespace',
  namespace,
  ...files(root, values),
  ...set.flatMap((value) => ['--set', value]),
];

/**
 * @param {string} root
 * @param {string[]} values
 */
const files = (root, values) => values.flatMap((file) => ['--values', path.resolve(root, file)]);

/** @param {KubernetesObject} object */
const isHook = ({ metadata }) => 'helm.sh/hook' in (metadata.annotations ?? {});

/**
 * The objects without what makes no difference: hashes in names, and what is Helm's own.
 * @param {KubernetesObject[]} objects
 * @param {Map<string, string>} names
 */
const plain = (objects, names) => objects.map((object) => /** @type {KubernetesObject} */ (stripped(object, names)));

/**
 * @param {unknown} value
 * @param {Map<string, string>} names
 * @returns {unknown}
 */
function stripped(value, names) {
  if (typeof value === 'string') return names.get(value) ?? value;
  if (Array.isArray(value)) return value.map((item) => stripped(item, names));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([key]) => !OF_HELM.includes(key))
    .map(([key, item]) => /** @type {const} */ ([key, stripped(item, names)]))
    .filter(([key, item]) => key !== 'annotations' || Object.keys(/** @type {object} */ (item)).length > 0);
  return Object.fromEntries(entries);
}
