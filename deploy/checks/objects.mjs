// What the checks of manifests look at: every kustomization of k8s/ as it is rendered, and the pods in it.
import fs from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { render } from '../kubernetes/tools.mjs';
import { LaunchError } from '../local/steps.mjs';

/**
 * An object of Kubernetes. What its fields may hold is checked by kubernetes.mjs; the other checks read what they look for.
 * @typedef {object} KubernetesObject
 * @property {string} apiVersion
 * @property {string} kind
 * @property {{ name: string, namespace?: string, labels?: Record<string, string>, annotations?: Record<string, string> }} metadata
 */

/** What one folder gives; a problem where it cannot be rendered. @typedef {{ folder: string, objects: KubernetesObject[], problem?: string }} Rendered */
/** @typedef {import('kubernetes-models/v1/PodSpec').IPodSpec} PodSpec */
/** @typedef {import('kubernetes-models/v1/Container').IContainer} Container */
/** A pod that a workload makes. @typedef {{ owner: KubernetesObject, labels: Record<string, string>, spec: PodSpec, containers: Container[] }} Pod */

/** The folders that people apply, below the root. */
let folders = ['k8s/overlays/single', 'k8s/overlays/production', 'k8s/agents'];

/**
 * Has all checks look at other folders instead, e.g. at overlays of somebody's own.
 * @param {string[]} chosen
 */
export const lookAt = (chosen) => {
  folders = chosen;
};

/** @type {Map<string, Rendered[]>} */
const seen = new Map();

/**
 * All that is applied, rendered; a second look does not render again.
 * @param {string} root
 * @returns {Rendered[]}
 */
export function renderedIn(root) {
  const known = seen.get(root);
  if (known) return known;
  const all = folders.map((folder) => renderedFolder(root, folder));
  seen.set(root, all);
  return all;
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {Rendered}
 */
function renderedFolder(root, folder) {
  try {
    return { folder, objects: objectsIn(render(path.join(root, folder))) };
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    return { folder, objects: [], problem: `${folder}: ${error.message}` };
  }
}

/**
 * The objects of a text of YAML.
 * @param {string} text
 * @returns {KubernetesObject[]}
 */
export const objectsIn = (text) =>
  parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((object) => object !== null);

/**
 * Runs a check on each folder. What cannot be rendered is not good: kubernetes.mjs says why it cannot.
 * @param {string} root
 * @param {(objects: KubernetesObject[], folder: string) => string[]} problemsOf
 */
export const inEach = (root, problemsOf) =>
  renderedIn(root).flatMap(({ folder, objects }) =>
    objects.length > 0
      ? problemsOf(objects, folder).map((problem) => `${folder}: ${problem}`)
      : [`${folder}: nothing was looked at, since it cannot be rendered`],
  );

/** @param {KubernetesObject} object */
export const nameOf = ({ kind, metadata }) => `${kind} ${metadata?.name}`;

/**
 * The objects of a kind.
 * @template T
 * @param {KubernetesObject[]} objects
 * @param {string} kind
 * @returns {(KubernetesObject & T)[]}
 */
export const ofKind = (objects, kind) =>
  /** @type {(KubernetesObject & T)[]} */ (objects.filter((object) => object.kind === kind));

const WORKLOADS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Job']);

/** @typedef {{ spec?: { template?: { metadata?: { labels?: Record<string, string> }, spec?: PodSpec } } }} Workload */

/**
 * The pods that the objects make.
 * @param {KubernetesObject[]} objects
 * @returns {Pod[]}
 */
export const podsOf = (objects) =>
  objects
    .filter(({ kind }) => WORKLOADS.has(kind))
    .flatMap((owner) => {
      const template = /** @type {Workload} */ (owner).spec?.template;
      const spec = template?.spec;
      if (!spec) return [];
      const containers = [...(spec.initContainers ?? []), ...spec.containers];
      return [{ owner, labels: template.metadata?.labels ?? {}, spec, containers }];
    });

/**
 * Whether a selector fits labels. An empty one fits all; none fits nothing.
 * @param {import('@kubernetes-models/apimachinery/apis/meta/v1/LabelSelector').ILabelSelector | undefined} selector
 * @param {Record<string, string>} labels
 */
export function fits(selector, labels) {
  if (!selector) return false;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  if (!Object.entries(matchLabels).every(([key, value]) => labels[key] === value)) return false;
  return matchExpressions.every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'In') return value !== undefined && values.includes(value);
    if (operator === 'NotIn') return value === undefined || !values.includes(value);
    return operator === 'Exists' ? value !== undefined : value === undefined;
  });
}

/**
 * @param {string} root
 * @param {string} file
 */
export const readIn = (root, file) => fs.readFileSync(path.join(root, file), 'utf8');

/**
 * @typedef {object} WorkloadSpec
 * @property {import('@kubernetes-models/apimachinery/apis/meta/v1/LabelSelector').ILabelSelector} [selector]
 * @property {string} [serviceName]
 * @property {number} [replicas]
 * @property {{ metadata?: { name?: string } }[]} [volumeClaimTemplates]
 */

/**
 * What a workload says about its pods, and a budget about those of others.
 * @param {KubernetesObject} owner
 * @returns {WorkloadSpec}
 */
export const specOf = (owner) => /** @type {{ spec?: WorkloadSpec }} */ (owner).spec ?? {};
