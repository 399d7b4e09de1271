// Whether everything that pods refer to is there: settings, secrets, volumes, accounts, ports; and what others say about pods (targets.mjs).
import { fits, inEach, nameOf, podsOf, specOf } from './objects.mjs';
import { secrets } from './secrets.mjs';
import { targetProblems } from './targets.mjs';

/** @typedef {import('./objects.mjs').KubernetesObject} KubernetesObject */
/** @typedef {import('./objects.mjs').Pod} Pod */
/** @typedef {import('./objects.mjs').Container} Container */

/** ConfigMaps that come from there as well. */
const maps = new Set(['nats-auth']);

/** @type {import('./main.mjs').Check} */
export const check = async (root) => inEach(root, problemsOf);

/**
 * @param {KubernetesObject[]} objects
 * @returns {string[]}
 */
export function problemsOf(objects) {
  const pods = podsOf(objects);
  return [
    ...pods.flatMap((pod) => podProblems(pod, objects).map((problem) => `${nameOf(pod.owner)}: ${problem}`)),
    ...targetProblems(objects),
  ];
}

/**
 * @param {Pod} pod
 * @param {KubernetesObject[]} objects
 */
function podProblems({ owner, labels, spec, containers }, objects) {
  const { selector, serviceName, volumeClaimTemplates = [] } = specOf(owner);
  const has = (/** @type {string} */ kind, /** @type {string | undefined} */ name) =>
    objects.some(
      (one) => one.kind === kind && one.metadata.name === name && one.metadata.namespace === owner.metadata.namespace,
    );
  const problems = [];
  if (owner.kind !== 'Job' && !fits(selector, labels)) problems.push('its selector does not fit its pods');
  if (!has('ServiceAccount', spec.serviceAccountName))
    problems.push(`there is no ServiceAccount ${spec.serviceAccountName}`);
  if (owner.kind === 'StatefulSet' && !has('Service', serviceName)) problems.push(`there is no Service ${serviceName}`);
  for (const name of mapsOf(spec, containers))
    if (!has('ConfigMap', name) && !maps.has(name)) problems.push(`there is no ConfigMap ${name}`);
  const claims = volumeClaimTemplates.map(({ metadata }) => metadata?.name ?? '');
  const known = new Set([...(spec.volumes ?? []).map(({ name }) => name), ...claims]);
  for (const { claimName = '' } of (spec.volumes ?? []).flatMap(
    ({ persistentVolumeClaim }) => persistentVolumeClaim ?? [],
  ))
    if (!has('PersistentVolumeClaim', claimName)) problems.push(`there is no PersistentVolumeClaim ${claimName}`);
  const mounted = new Set(containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name)));
  for (const name of mounted) if (!known.has(name)) problems.push(`there is no volume ${name}`);
  for (const name of known) if (!mounted.has(name)) problems.push(`nothing mounts the volume ${name}`);
  return [...problems, ...secretProblems(spec, containers), ...containers.flatMap(containerProblems)];
}

/**
 * The ConfigMaps that a pod reads.
 * @param {import('./objects.mjs').PodSpec} spec
 * @param {Container[]} containers
 */
const mapsOf = (spec, containers) => [
  ...containers.flatMap(({ envFrom = [], env = [] }) => [
    ...envFrom.flatMap(({ configMapRef }) => configMapRef?.name ?? []),
    ...env.flatMap(({ valueFrom }) => valueFrom?.configMapKeyRef?.name ?? []),
  ]),
  ...(spec.volumes ?? []).flatMap(({ configMap, projected }) => [
    ...[configMap?.name ?? []].flat(),
    ...(projected?.sources ?? []).flatMap((source) => source.configMap?.name ?? []),
  ]),
];

/**
 * @param {import('./objects.mjs').PodSpec} spec
 * @param {Container[]} containers
 */
function secretProblems(spec, containers) {
  const ofVolumes = (spec.volumes ?? []).flatMap(({ secret, projected }) => [
    ...(secret ? [secret.secretName ?? ''] : []),
    ...(projected?.sources ?? []).flatMap((source) => source.secret?.name ?? []),
  ]);
  const whole = [
    ...ofVolumes,
    ...containers.flatMap(({ envFrom = [] }) => envFrom.flatMap((one) => one.secretRef?.name ?? [])),
  ];
  const missing = whole.filter((name) => !(name in secrets)).map((name) => `nobody makes a Secret ${name}`);
  const keys = containers.flatMap(({ env = [] }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []));
  const odd = keys.flatMap(({ name = '', key, optional }) => {
    const known = secrets[name];
    if (!known) return [`nobody makes a Secret ${name}`];
    if (known.includes(key))
      return optional ? [`the key ${key} of Secret ${name} is always there, and not optional`] : [];
    if (!known.includes(`${key}?`)) return [`nobody makes a key ${key} in Secret ${name}`];
    return optional ? [] : [`the key ${key} of Secret ${name} may be missing: it must be optional`];
  });
  return [...missing, ...odd];
}

/** @param {Container} container */
function containerProblems({ name, env = [], ports = [], command = [], args = [], ...probes }) {
  const names = new Set(ports.map((port) => port.name));
  const problems = [];
  for (const kind of /** @type {const} */ (['startupProbe', 'livenessProbe', 'readinessProbe'])) {
    const port = probes[kind]?.httpGet?.port ?? probes[kind]?.tcpSocket?.port;
    if (typeof port === 'string' && !names.has(port))
      problems.push(`its ${kind} asks a port ${port}, which it has not`);
  }
  /** @type {Set<string>} */
  const defined = new Set();
  const unknownIn = (/** @type {string} */ text) =>
    [...text.matchAll(/(?<!\$)\$\(([A-Z_][A-Z0-9_]*)\)/g)]
      .map(([, one = '']) => one)
      .filter((one) => !defined.has(one));
  for (const { name: variable, value = '' } of env) {
    for (const one of unknownIn(value))
      problems.push(`${variable} refers to $(${one}), which is not defined before it`);
    defined.add(variable);
  }
  for (const text of [...command, ...args])
    for (const one of unknownIn(text)) problems.push(`its command refers to $(${one}), which is not defined`);
  return problems.map((problem) => `container ${name}: ${problem}`);
}
