// Whether Kubernetes would take every object: its kind exists, its fields exist, and what they hold is of the right type.
import { createRequire } from 'node:module';
import { inEach, nameOf, readIn, renderedIn } from './objects.mjs';

/** @typedef {import('./objects.mjs').KubernetesObject} KubernetesObject */
/** @typedef {{ instancePath: string, keyword: string, message?: string, params: Record<string, unknown> }} Fault */
/** Made out of a schema; throws the faults of its object. @typedef {(this: unknown) => void} Validator */

const require = createRequire(import.meta.url);

/** Files that must be the same, since kustomize reads nothing outside of its folder. */
const copies = [['deploy/nats/nats.conf', 'k8s/base/nats/nats.conf']];

/** The versions of the API that Kubernetes 1.30 and later serve; the models know older ones as well. */
const served = new Set([
  'v1',
  'apps/v1',
  'autoscaling/v2',
  'batch/v1',
  'monitoring.coreos.com/v1',
  'networking.k8s.io/v1',
  'policy/v1',
]);

/** Fields that are newer than the models. @type {Record<string, string>} */
const newer = { 'ServiceMonitor /spec/scrapeProtocols': 'Prometheus Operator 0.74' };

const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** @type {import('./main.mjs').Check} */
export async function check(root) {
  const broken = renderedIn(root).flatMap(({ problem }) => problem ?? []);
  const differing = copies
    .filter(([from = '', to = '']) => readIn(root, from) !== readIn(root, to))
    .map(([from, to]) => `${to} is not the same as ${from}: copy it`);
  return [...broken, ...differing, ...inEach(root, problemsOf)];
}

/**
 * What is wrong with objects by the schemas of Kubernetes.
 * @param {KubernetesObject[]} objects
 * @returns {string[]}
 */
export function problemsOf(objects) {
  const twice = objects.filter((object, index) => objects.findIndex((other) => keyOf(other) === keyOf(object)) < index);
  return [...objects.flatMap(problemsOfOne), ...twice.map((object) => `${nameOf(object)} is there twice`)];
}

/** @param {KubernetesObject} object */
const keyOf = ({ apiVersion, kind, metadata }) => [apiVersion, kind, metadata?.namespace, metadata?.name].join(' ');

/**
 * @param {KubernetesObject} object
 * @returns {string[]}
 */
function problemsOfOne(object) {
  const validate = served.has(object.apiVersion) ? validatorOf(object) : undefined;
  if (!validate) return [`${nameOf(object)}: there is no kind ${object.kind} in ${object.apiVersion}`];
  /** @type {Set<string>} */
  const known = new Set();
  const faults = faultsOf(validate, watched(object, '', known)).map(textOf);
  const unknown = fieldsOf(object, '', known)
    .filter((field) => newer[`${object.kind} ${field}`] === undefined)
    .map((field) => `${field} is no field of Kubernetes`);
  const unnamed = NAME.test(object.metadata?.name ?? '') ? [] : ['/metadata/name is missing, or no name'];
  return [...new Set([...faults, ...unknown, ...unnamed])].map((problem) => `${nameOf(object)}: ${problem}`);
}

/** @param {Fault} fault */
const textOf = ({ instancePath, message, params: { allowedValues } }) =>
  `${instancePath || '/'} ${message ?? 'is not right'}${Array.isArray(allowedValues) ? ` (${allowedValues.join(', ')})` : ''}`;

/**
 * @param {KubernetesObject} object
 * @returns {Validator | undefined}
 */
function validatorOf({ apiVersion, kind }) {
  const of = apiVersion.includes('coreos.com') ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models';
  try {
    return require(`${of}/${apiVersion}/${kind}`)[kind]?.prototype.validate;
  } catch {
    return undefined;
  }
}

/**
 * @param {Validator} validate
 * @param {KubernetesObject} object
 * @returns {Fault[]}
 */
function faultsOf(validate, object) {
  try {
    validate.call(object);
    return [];
  } catch (error) {
    const { errors } = /** @type {{ errors?: Fault[] }} */ (error);
    if (!errors) throw error;
    return errors;
  }
}

/**
 * The validators let fields pass that are in no schema. But each reads every field that is in its own, and nothing else: what it has not
 * read when it is done is unknown.
 * @template T
 * @param {T} value
 * @param {string} where
 * @param {Set<string>} known gets the paths that are read
 * @returns {T}
 */
function watched(value, where, known) {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, key, receiver) {
      const found = Reflect.get(target, key, receiver);
      if (typeof key === 'symbol' || !Object.hasOwn(target, key)) return found;
      known.add(`${where}/${key}`);
      return watched(found, `${where}/${key}`, known);
    },
  });
}

/**
 * The topmost fields below a value that nobody has read.
 * @param {unknown} value
 * @param {string} where
 * @param {Set<string>} known
 * @returns {string[]}
 */
function fieldsOf(value, where, known) {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    known.has(`${where}/${key}`) ? fieldsOf(inner, `${where}/${key}`, known) : [`${where}/${key}`],
  );
}
