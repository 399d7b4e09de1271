// Whether what stands in manifests does what it is there for: values that must fit each other, or the code, and that no schema knows.
import { inEach, nameOf, ofKind, podsOf } from './objects.mjs';
import { services } from './settings.mjs';

/** @typedef {import('./objects.mjs').KubernetesObject} KubernetesObject */
/** @typedef {import('./objects.mjs').Pod} Pod */
/** @typedef {import('./objects.mjs').Container} Container */

/** How long a service takes to end after SIGTERM, at most: STOP_MS of libs/service, and some room. */
const STOP_SECONDS = 15;
/** The last seconds in which endpoints and ingress controllers may still send something. */
const LEAST_LINGER_SECONDS = 5;
const MIGRATE = 'node apps/updates/dist/migrate.js';
/** Where an agent keeps its own files, on its host. */
const OF_AGENT = '/var/lib/lapwing-agent';

/** @type {import('./main.mjs').Check} */
export const check = async (root) => inEach(root, problemsOf);

/**
 * @param {KubernetesObject[]} objects
 * @returns {string[]}
 */
export function problemsOf(objects) {
  return [
    ...podsOf(objects).flatMap((pod) => podProblems(pod).map((problem) => `${nameOf(pod.owner)}: ${problem}`)),
    ...policyProblems(objects),
    ...budgetProblems(objects),
    ...scalerProblems(objects),
  ];
}

/** @param {Pod} pod */
function podProblems({ labels, spec, containers }) {
  const component = labels['app.kubernetes.io/component'];
  const name = labels['app.kubernetes.io/name'] ?? '';
  const problems = containers.flatMap((container) => portProblems(container, spec.hostNetwork === true));
  for (const container of containers) {
    if (component === 'service' && name in services) problems.push(...serviceProblems(name, container, spec));
    const command = [...(container.command ?? []), ...(container.args ?? [])].join(' ');
    if (component === 'migration' && command !== MIGRATE) problems.push(`its command must be "${MIGRATE}"`);
  }
  return [...problems, ...hostProblems(spec, containers)];
}

/** The value of a variable that stands there. @param {Container} container @param {string} name */
const valueOf = ({ env = [] }, name) => env.find((one) => one.name === name)?.value;

/**
 * @param {string} name
 * @param {Container} container
 * @param {import('./objects.mjs').PodSpec} spec
 */
function serviceProblems(name, container, spec) {
  const problems = [];
  const has = (/** @type {string} */ variable) => (container.env ?? []).some((one) => one.name === variable);
  const folder = valueOf(container, 'NATS_CREDENTIALS_DIR');
  if (!(container.volumeMounts ?? []).some(({ mountPath }) => mountPath === folder))
    problems.push(`NATS_CREDENTIALS_DIR is ${folder}, and nothing is mounted there`);
  if (has('DATABASE_URL') && valueOf(container, 'LAPWING_MIGRATIONS') !== 'wait')
    problems.push('LAPWING_MIGRATIONS must be "wait": the Job migrates, once');
  const linger = name === 'gateway' ? (container.lifecycle?.preStop?.sleep?.seconds ?? 0) : 0;
  if (name === 'gateway' && linger < LEAST_LINGER_SECONDS)
    problems.push(`preStop must sleep for ${LEAST_LINGER_SECONDS} s or more, until nobody sends it anything`);
  if ((spec.terminationGracePeriodSeconds ?? 30) < linger + STOP_SECONDS)
    problems.push(`terminationGracePeriodSeconds must be ${linger + STOP_SECONDS} or more`);
  return problems;
}

/**
 * What is probed must be what is listened on.
 * @param {Container} container
 * @param {boolean} onHost whether the pod is on its host's network, where ports need not be named
 */
function portProblems(container, onHost) {
  const { ports = [], startupProbe, livenessProbe, readinessProbe } = container;
  const ops = valueOf(container, 'LAPWING_OPS_PORT');
  const own = ports.map(({ containerPort }) => containerPort);
  const problems = [];
  const named = ports.find((port) => port.name === 'ops')?.containerPort;
  if (ops !== undefined && named !== undefined && Number(ops) !== named)
    problems.push(`LAPWING_OPS_PORT is ${ops}, the port "ops" ${named}`);
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
    const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
    const known = onHost && ops !== undefined ? [Number(ops)] : own;
    if (typeof port === 'number' && !known.includes(port))
      problems.push(`port ${port} is probed, and is none of its own`);
  }
  return problems;
}

/**
 * What is mounted of the host is read and not written, but for the agent's own folder.
 * @param {import('./objects.mjs').PodSpec} spec
 * @param {Container[]} containers
 */
function hostProblems(spec, containers) {
  const paths = new Map(
    (spec.volumes ?? []).flatMap(({ name, hostPath }) => (hostPath ? [[name, hostPath.path]] : [])),
  );
  return containers
    .flatMap(({ volumeMounts = [] }) => volumeMounts)
    .filter(({ name, readOnly }) => paths.has(name) && paths.get(name) !== OF_AGENT && readOnly !== true)
    .map(({ name }) => `the volume ${name} is ${paths.get(name)} of the host, and must be read only`);
}

/** A policy with rules of a kind that it does not name has them for nothing. @param {KubernetesObject[]} objects */
function policyProblems(objects) {
  /** @type {(KubernetesObject & { spec?: { policyTypes?: string[], ingress?: unknown, egress?: unknown } })[]} */
  const policies = ofKind(objects, 'NetworkPolicy');
  return policies.flatMap((policy) => {
    const { policyTypes = [], ingress, egress } = policy.spec ?? {};
    const missing = [...(ingress ? ['Ingress'] : []), ...(egress ? ['Egress'] : [])].filter(
      (type) => !policyTypes.includes(type),
    );
    return missing.map((type) => `${nameOf(policy)}: policyTypes must name ${type}`);
  });
}

/** @param {KubernetesObject[]} objects */
function budgetProblems(objects) {
  /** @type {(KubernetesObject & { spec?: { maxUnavailable?: number | string } })[]} */
  const budgets = ofKind(objects, 'PodDisruptionBudget');
  return budgets
    .filter(({ spec }) => spec?.maxUnavailable === 0 || spec?.maxUnavailable === '0%')
    .map((budget) => `${nameOf(budget)}: with maxUnavailable 0 no node can ever be drained`);
}

/** @param {KubernetesObject[]} objects */
function scalerProblems(objects) {
  /** @type {(KubernetesObject & { spec?: { minReplicas?: number, maxReplicas?: number } })[]} */
  const scalers = ofKind(objects, 'HorizontalPodAutoscaler');
  return scalers
    .filter(({ spec }) => (spec?.minReplicas ?? 1) > (spec?.maxReplicas ?? 1))
    .map((scaler) => `${nameOf(scaler)}: minReplicas is above maxReplicas`);
}
