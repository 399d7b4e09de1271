// What says something about pods of others: Services, Ingresses, autoscalers, budgets, monitors. Whether it finds whom it means.
import { fits, nameOf, ofKind, podsOf, specOf } from './objects.mjs';
import { secrets } from './secrets.mjs';
import { services } from './settings.mjs';

/** @typedef {import('./objects.mjs').KubernetesObject} KubernetesObject */
/** @typedef {import('./objects.mjs').Pod} Pod */
/** @typedef {import('kubernetes-models/v1/Service').IService} Service */

/**
 * @param {KubernetesObject[]} objects
 * @returns {string[]}
 */
export function targetProblems(objects) {
  const pods = podsOf(objects);
  return [
    ...ofKind(objects, 'Service').flatMap((service) => serviceProblems(service, pods)),
    ...ofKind(objects, 'Ingress').flatMap((ingress) => ingressProblems(ingress, objects)),
    ...ofKind(objects, 'HorizontalPodAutoscaler').flatMap((one) => autoscalerProblems(one, objects)),
    ...ofKind(objects, 'PodDisruptionBudget').flatMap((one) => budgetProblems(one, pods)),
    ...ofKind(objects, 'ServiceMonitor').flatMap((one) => monitorProblems(one, objects)),
    ...pods.flatMap((pod) => availabilityProblems(pod, objects)),
  ];
}

/**
 * Several replicas are of use when they are not on one node, and do not go at the same time.
 * @param {Pod} pod
 * @param {KubernetesObject[]} objects
 */
function availabilityProblems({ owner, labels, spec }, objects) {
  const isScaled = ofKind(objects, 'HorizontalPodAutoscaler').some(
    ({ metadata: { name } }) => name === owner.metadata.name,
  );
  if (!isScaled && (specOf(owner).replicas ?? 1) < 2) return [];
  const budgets = ofKind(objects, 'PodDisruptionBudget').filter((one) => fits(specOf(one).selector, labels));
  const problems = budgets.length === 1 ? [] : ['it has several replicas and no PodDisruptionBudget'];
  const isSpread = (spec.topologySpreadConstraints?.length ?? 0) > 0 || spec.affinity?.podAntiAffinity !== undefined;
  if (!isSpread) problems.push('it has several replicas, and nothing spreads them over nodes');
  return problems.map((problem) => `${nameOf(owner)}: ${problem}`);
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
  /** @typedef {{ spec?: { selector?: import('./objects.mjs').WorkloadSpec['selector'], endpoints?: { port?: string }[] } }} Monitor */
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
