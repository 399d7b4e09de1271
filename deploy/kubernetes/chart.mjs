// Renders the Helm chart, and compares it with what kustomize makes of the overlay that it must equal.
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { differences, nameOf } from './compare.mjs';
import { findTool, render, run } from './tools.mjs';

/** @typedef {import('./compare.mjs').KubernetesObject} KubernetesObject */

/** How the chart is installed. @typedef {{ release?: string, namespace?: string, values?: string[], set?: string[] }} Installation */

/** Which overlays the chart equals, and with which values. */
export const pairs = [
  { overlay: 'k8s/overlays/single', values: 'k8s/chart/values-single.yaml' },
  { overlay: 'k8s/overlays/production', values: 'k8s/chart/values-production.yaml' },
];

/** What only one of both has, and why. @type {Record<string, string>} */
export const exceptions = {
  'Namespace lapwing': 'Helm keeps what it knows of an installation in the namespace, which must be there before',
};

/** Labels and annotations that Helm and its users expect, and kustomize does not write. */
const OF_HELM = ['helm.sh/chart', 'app.kubernetes.io/managed-by', 'app.kubernetes.io/instance', 'checksum/settings'];

/** kustomize ends the names of what it generates with a hash of their content. */
const HASH = /-[0-9bcdfghkmt2456789]{10}$/;

/**
 * The objects of an installation, as Helm would create them. Hooks (the test) are left out unless they are asked for.
 * @param {string} root of the repository
 * @param {Installation & { hooks?: boolean }} [installation]
 * @returns {KubernetesObject[]}
 * @throws LaunchError with what Helm says
 */
export function renderChart(root, { hooks = false, ...installation } = {}) {
  const written = run(findTool('helm'), ['template', ...options(root, installation)]);
  return objectsOf(written).filter((object) => hooks || !isHook(object));
}

/**
 * What `helm lint --strict` says against the chart; empty when nothing.
 * @param {string} root
 * @param {string} values
 * @returns {string[]}
 */
export function lint(root, values) {
  try {
    run(findTool('helm'), ['lint', '--strict', '--quiet', path.join(root, 'k8s/chart'), '-f', path.join(root, values)]);
    return [];
  } catch (error) {
    return [`k8s/chart with ${values}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/**
 * Where the chart and an overlay differ, a line each.
 * @param {string} root
 * @param {{ overlay: string, values: string }} pair
 * @returns {string[]}
 */
export function unequal(root, { overlay, values }) {
  const ofOverlay = objectsOf(render(path.join(root, overlay)));
  const generated = ofOverlay.map(({ metadata }) => /** @type {{ name: string }} */ (metadata).name).filter(isHashed);
  const left = plain(ofOverlay, new Map(generated.map((name) => [name, name.replace(HASH, '')])));
  const right = plain(renderChart(root, { values: [values] }), new Map());
  const both = [left, right].map((objects) => objects.filter((object) => !(nameOf(object) in exceptions)));
  return differences(both[0] ?? [], both[1] ?? [], { left: overlay, right: 'k8s/chart' });
}

/**
 * @param {string} root
 * @param {Installation} installation
 */
function options(root, { release = 'lapwing', namespace = 'lapwing', values = [], set = [] }) {
  return [
    release,
    path.join(root, 'k8s/chart'),
    '--namespace',
    namespace,
    ...values.flatMap((file) => ['--values', path.resolve(root, file)]),
    ...set.flatMap((value) => ['--set', value]),
  ];
}

/** @param {string} text @returns {KubernetesObject[]} */
const objectsOf = (text) =>
  parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter(Boolean);

/** @param {string} name */
const isHashed = (name) => HASH.test(name);

/** @param {KubernetesObject} object */
const isHook = ({ metadata }) =>
  'helm.sh/hook' in (/** @type {{ annotations?: object }} */ (metadata).annotations ?? {});

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
    .map(([key, item]) => [key, stripped(item, names)])
    .filter(([key, item]) => key !== 'annotations' || Object.keys(/** @type {object} */ (item)).length > 0);
  return Object.fromEntries(entries);
}
