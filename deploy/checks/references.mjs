// Whether everything that an object refers to is there: settings, secrets, volumes, accounts, ports, targets.
import { fits, inEach, nameOf, ofKind, podsOf } from './objects.mjs';
import { services } from './settings.mjs';

/** @typedef {import('./objects.mjs').KubernetesObject} KubernetesObject */
/** @typedef {import('./objects.mjs').Pod} Pod */
/** @typedef {import('./objects.mjs').Container} Container */
/** @typedef {import('kubernetes-models/v1/Service').IService} Service */

/** What `npm run k8s:secrets` makes, and what people make by hand; `?` marks keys that may be missing. @type {Record<string, string[]>} */
const secrets = {
  'lapwing-secrets': [
    'secret-key',
    'database-url',
    'redis-url',
    'admin-password',
    'postgres-password',
    'redis-password',
    'api-token?',
    'api-tokens?',
    'license-server-token?',
    'oidc-client-secret?',
    'pulse-auth-pass?',
  ],
  ...Object.fromEntries(Object.keys(services).map((name) => [`lapwing-bus-${name}`, [`${name}.creds`]])),
  'lapwing-bus-authority': ['authority.json'],
  'lapwing-agent': ['enrollment-token?'],
  'lapwing-tls': ['tls.crt', 'tls.key'],
  'nats-cluster': ['password'],
};
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
    ...ofKind(objects, 'Service').flatMap((service) => serviceProblems(service, pods)),
    ...ofKind(objects, 'Ingress').flatMap((ingress) => ingressProblems(ingress, objects)),
    ...ofKind(objects, 'HorizontalPodAutoscaler').flatMap((one) => autoscalerProblems(one, objects)),
    ...ofKind(objects, 'PodDisruptionBudget').flatMap((one) => budgetProblems(one, pods)),
    ...ofKind(objects, 'ServiceMonitor').flatMap((one) => monitorProblems(one, objects)),
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
 * @typedef {object} WorkloadSpec
 * @property {import('@kubernetes-models/apimachinery/apis/meta/v1/LabelSelector').ILabelSelector} [selector]
 * @property {string} [serviceName]
 * @property {number} [replicas]
 * @property {{ metadata?: { name?: string } }[]} [volumeClaimTemplates]
 */

/**
 * @param {KubernetesObject} owner
 * @returns {WorkloadSpec}
 */
const specOf = (owner) => /** @type {{ spec?: WorkloadSpec }} */ (owner).spec ?? {};

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

/**
 * @param {KubernetesObject} service
 * @param {Pod[]} pods
 */
function serviceProblems(service, pods) {
  const { spec } = /** @type {Service} */ (/** @type {unknown} */ (service));
  const own = pods.filter(
    ({ owner, labels }) =>
      owner.metadata.namespace === service.metadata.namespace && fits({ matchLabels: spec?.selector ?? {} }, labels),
  );
  if (own.length !== 1)
    return [`${nameOf(service)}: its selector fits the pods of ${own.length} workloads, and not of one`];
  const names = new Set(
    own.flatMap(({ containers }) => containers.flatMap(({ ports = [] }) => ports.map(({ name }) => name))),
  );
  return (spec?.ports ?? [])
    .filter(({ targetPort }) => typeof targetPort !== 'string' || !names.has(targetPort))
    .map(({ targetPort }) => `${nameOf(service)}: its pods have no port ${String(targetPort)}`);
}

/**
 * @param {KubernetesObject} ingress
 * @param {KubernetesObject[]} objects
 */
function ingressProblems(ingress, objects) {
  const { spec } = /** @type {import('kubernetes-models/networking.k8s.io/v1/Ingress').IIngress} */ (
    /** @type {unknown} */ (ingress)
  );
  const backends = (spec?.rules ?? []).flatMap(({ http }) =>
    (http?.paths ?? []).flatMap(({ backend }) => backend.service ?? []),
  );
  const missing = backends
    .filter(({ name, port }) => !portsOf(objects, name).includes(port?.name ?? String(port?.number)))
    .map(({ name, port }) => `there is no Service ${name} with a port ${port?.name ?? port?.number}`);
  const hosts = new Set((spec?.tls ?? []).flatMap((one) => one.hosts ?? []));
  const open = (spec?.rules ?? [])
    .filter(({ host }) => !host || !hosts.has(host))
    .map(({ host }) => `${host ?? 'every host'} has no TLS`);
  const odd = (spec?.tls ?? [])
    .filter(({ secretName = '' }) => !(secretName in secrets))
    .map(({ secretName }) => `nobody makes a Secret ${secretName}`);
  return [...missing, ...open, ...odd].map((problem) => `${nameOf(ingress)}: ${problem}`);
}

/**
 * @param {KubernetesObject[]} objects
 * @param {string} name
 */
const portsOf = (objects, name) =>
  /** @type {Service[]} */ (/** @type {unknown} */ (ofKind(objects, 'Service')))
    .filter(({ metadata }) => metadata?.name === name)
    .flatMap(({ spec }) => spec?.ports ?? [])
    .flatMap((port) => [port.name ?? '', String(port.port)]);

/**
 * @param {KubernetesObject} autoscaler
 * @param {KubernetesObject[]} objects
 */
function autoscalerProblems(autoscaler, objects) {
  const { spec } =
    /** @type {import('kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler').IHorizontalPodAutoscaler} */ (
      /** @type {unknown} */ (autoscaler)
    );
  const { kind = '', name = '' } = spec?.scaleTargetRef ?? {};
  const target = objects.find((one) => one.kind === kind && one.metadata.name === name);
  if (!target) return [`${nameOf(autoscaler)}: there is no ${kind} ${name}`];
  // Each apply would set the number back.
  return specOf(target).replicas === undefined
    ? []
    : [`${nameOf(target)}: it has an autoscaler, and must not say how many replicas there are`];
}

/**
 * @param {KubernetesObject} budget
 * @param {Pod[]} pods
 */
function budgetProblems(budget, pods) {
  const own = pods.filter(({ labels }) => fits(specOf(budget).selector, labels));
  return own.length === 1
    ? []
    : [`${nameOf(budget)}: its selector fits the pods of ${own.length} workloads, and not of one`];
}

/**
 * Each service is asked for its metrics.
 * @param {KubernetesObject} monitor
 * @param {KubernetesObject[]} objects
 */
function monitorProblems(monitor, objects) {
  /** @typedef {{ spec?: { selector?: WorkloadSpec['selector'], endpoints?: { port?: string }[] } }} Monitor */
  const { spec } = /** @type {Monitor} */ (monitor);
  const found = ofKind(objects, 'Service').filter(({ metadata }) => fits(spec?.selector, metadata.labels ?? {}));
  const ports = (spec?.endpoints ?? []).map(({ port }) => port);
  const asked = found.filter((service) =>
    /** @type {Service} */ (/** @type {unknown} */ (service)).spec?.ports?.some(({ name }) => ports.includes(name)),
  );
  const names = new Set(asked.map(({ metadata }) => metadata.labels?.['app.kubernetes.io/name']));
  return Object.keys(services)
    .filter((name) => !names.has(name))
    .map((name) => `${nameOf(monitor)}: it does not ask ${name}`);
}
