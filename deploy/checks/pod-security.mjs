// Whether pods keep to the profile "restricted" of Kubernetes and to rules of our own: probes, resources, images, labels, service accounts.
import { inEach, nameOf, ofKind, podsOf } from './objects.mjs';
import { amountOf } from './quantities.mjs';

/** @typedef {import('./objects.mjs').KubernetesObject} KubernetesObject */
/** @typedef {import('./objects.mjs').Pod} Pod */
/** @typedef {import('./objects.mjs').Container} Container */
/** @typedef {NonNullable<import('./objects.mjs').PodSpec['volumes']>[number]} Volume */

/** What an agent may beyond others, since it looks at its node; anything else of it is a problem as with all. */
const ofAgents = new Set(['hostPID', 'hostNetwork', 'hostPath', 'root', 'unconfined', 'readiness']);
const capabilitiesOfAgents = new Set(['DAC_READ_SEARCH', 'KILL', 'SYS_CHROOT']);

/** Kinds of volumes that "restricted" allows. Source: the Pod Security Standards. */
const volumes = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);
const LABELS = ['app.kubernetes.io/name', 'app.kubernetes.io/component', 'app.kubernetes.io/part-of'];
const COMPONENTS = new Set(['service', 'server', 'migration', 'agent', 'test']);

/** @type {import('./main.mjs').Check} */
export const check = async (root) => inEach(root, problemsOf);

/**
 * @param {KubernetesObject[]} objects
 * @returns {string[]}
 */
export function problemsOf(objects) {
  const pods = podsOf(objects).flatMap((pod) =>
    [...ofPod(pod), ...ofWorkload(pod), ...pod.containers.flatMap((container) => ofContainer(pod, container))].map(
      (problem) => `${nameOf(pod.owner)}: ${problem}`,
    ),
  );
  return [...namespaceProblems(objects), ...pods];
}

/** @param {Pod} pod */
const isAgent = ({ labels, owner }) => labels['app.kubernetes.io/component'] === 'agent' && owner.kind === 'DaemonSet';

/**
 * The profile that each namespace enforces: "privileged" is for agents alone.
 * @param {KubernetesObject[]} objects
 */
function namespaceProblems(objects) {
  const namespaces = ofKind(objects, 'Namespace');
  const odd = podsOf(objects)
    .map(({ owner }) => owner)
    .filter(({ metadata }) => !namespaces.some((one) => one.metadata.name === metadata.namespace))
    .map((owner) => `${nameOf(owner)}: its namespace is not among the objects`);
  const wrong = namespaces.flatMap((namespace) => {
    const own = podsOf(objects).filter(({ owner }) => owner.metadata.namespace === namespace.metadata.name);
    const wanted = own.length > 0 && own.every(isAgent) ? 'privileged' : 'restricted';
    return ['enforce', 'audit', 'warn']
      .filter((mode) => namespace.metadata.labels?.[`pod-security.kubernetes.io/${mode}`] !== wanted)
      .map((mode) => `${nameOf(namespace)}: the label pod-security.kubernetes.io/${mode} must be ${wanted}`);
  });
  return [...odd, ...wrong];
}

/**
 * Problems that some may have.
 * @param {Pod} pod
 * @param {[wrong: unknown, what: string, text: string][]} rules
 */
const broken = (pod, rules) =>
  rules.filter(([wrong, what]) => wrong && !(isAgent(pod) && ofAgents.has(what))).map(([, , text]) => text);

/** @param {Pod} pod */
function ofPod(pod) {
  const { spec, labels, owner } = pod;
  const kinds = (spec.volumes ?? []).map(kindOf);
  const missing = LABELS.filter((label) => !labels[label] || owner.metadata.labels?.[label] !== labels[label]);
  return broken(pod, [
    [spec.hostNetwork, 'hostNetwork', 'hostNetwork is not allowed'],
    [spec.hostPID, 'hostPID', 'hostPID is not allowed'],
    [spec.hostIPC, '', 'hostIPC is not allowed'],
    [kinds.includes('hostPath'), 'hostPath', 'a volume of kind hostPath is not allowed'],
    ...kinds
      .filter((kind) => kind !== 'hostPath' && !volumes.has(kind))
      .map((kind) => /** @type {[boolean, string, string]} */ ([true, '', `a volume of kind ${kind} is not allowed`])),
    [spec.securityContext?.sysctls?.length, '', 'sysctls are not allowed'],
    [spec.automountServiceAccountToken !== false, '', 'automountServiceAccountToken must be false'],
    [spec.enableServiceLinks !== false, '', 'enableServiceLinks must be false'],
    [!spec.serviceAccountName || spec.serviceAccountName === 'default', '', 'it needs a service account of its own'],
    [(spec.terminationGracePeriodSeconds ?? 0) < 30, '', 'terminationGracePeriodSeconds must be 30 or more'],
    [(spec.volumes ?? []).some(isUnbounded), '', 'an emptyDir needs a sizeLimit'],
    ...missing.map(
      (label) =>
        /** @type {[boolean, string, string]} */ ([true, '', `pod and owner must bear the same label ${label}`]),
    ),
    [
      !COMPONENTS.has(labels['app.kubernetes.io/component'] ?? ''),
      '',
      `the component must be one of ${[...COMPONENTS].join(', ')}`,
    ],
  ]);
}

/** @param {Volume} volume */
const kindOf = (volume) => Object.keys(volume).find((key) => key !== 'name') ?? 'emptyDir';

/** @param {Volume} volume */
const isUnbounded = ({ emptyDir }) => emptyDir !== undefined && emptyDir.sizeLimit === undefined;

/**
 * How it is replaced, so that nothing is away meanwhile.
 * @param {Pod} pod
 */
function ofWorkload({ owner, labels }) {
  if (owner.kind !== 'Deployment') return [];
  const { spec } = /** @type {import('kubernetes-models/apps/v1/Deployment').IDeployment} */ (
    /** @type {unknown} */ (owner)
  );
  const { maxUnavailable, maxSurge } = spec?.strategy?.rollingUpdate ?? {};
  const isSmooth = maxUnavailable === 0 && maxSurge !== 0 && maxSurge !== undefined;
  const problems = isSmooth ? [] : ['a roll-out must begin with the new pod: maxUnavailable 0, maxSurge 1'];
  if (!spec?.minReadySeconds) problems.push('minReadySeconds is missing');
  if (labels['app.kubernetes.io/component'] === 'service' && !labels['app.kubernetes.io/version'])
    problems.push('the label app.kubernetes.io/version is missing');
  return problems;
}

/**
 * @param {Pod} pod
 * @param {Container} container
 */
function ofContainer(pod, container) {
  const own = container.securityContext ?? {};
  const all = pod.spec.securityContext ?? {};
  const added = own.capabilities?.add ?? [];
  const odd = added.filter((one) => !(isAgent(pod) && capabilitiesOfAgents.has(one)));
  const user = own.runAsUser ?? all.runAsUser;
  const profile = (own.seccompProfile ?? all.seccompProfile)?.type;
  return broken(pod, [
    [own.privileged, '', 'privileged is not allowed'],
    [own.allowPrivilegeEscalation !== false, '', 'allowPrivilegeEscalation must be false'],
    [(own.runAsNonRoot ?? all.runAsNonRoot) !== true, 'root', 'runAsNonRoot must be true'],
    [user === undefined || user === 0, 'root', 'runAsUser must be a number other than 0'],
    [profile !== 'RuntimeDefault' && profile !== 'Localhost', '', 'seccompProfile must be RuntimeDefault'],
    [!own.capabilities?.drop?.includes('ALL'), '', 'all capabilities must be dropped'],
    [odd.length > 0, '', `the capabilities ${odd.join(', ')} are not allowed`],
    [own.procMount && own.procMount !== 'Default', '', 'procMount is not allowed'],
    [(own.appArmorProfile ?? all.appArmorProfile)?.type === 'Unconfined', 'unconfined', 'AppArmor must be on'],
    [own.seLinuxOptions ?? all.seLinuxOptions, 'unconfined', 'seLinuxOptions are not allowed'],
    [own.readOnlyRootFilesystem !== true, '', 'readOnlyRootFilesystem must be true'],
    [container.ports?.some(({ hostPort }) => hostPort), '', 'hostPort is not allowed'],
    [!isPinned(container.image ?? ''), '', `the image ${container.image ?? ''} needs a version, and not "latest"`],
    ...resourceRules(container),
    ...probeRules(pod, container),
  ]).map((problem) => `container ${container.name}: ${problem}`);
}

/** @param {string} image */
const isPinned = (image) => /@sha256:[0-9a-f]{64}$/.test(image) || /:(?!latest$|version$)[\w.-]+$/.test(image);

/**
 * What a container asks for, and what it gets at most.
 * @param {Container} container
 * @returns {[boolean, string, string][]}
 */
const resourceRules = ({ resources }) =>
  ['cpu', 'memory'].flatMap((what) => {
    const request = resources?.requests?.[what];
    const limit = resources?.limits?.[what];
    const odd = [request, limit].filter((one) => one !== undefined && amountOf(one) === undefined);
    return [
      [request === undefined, '', `resources.requests.${what} is missing`],
      [limit === undefined, '', `resources.limits.${what} is missing`],
      [odd.length > 0, '', `${odd.join(' and ')} is no quantity of ${what}`],
      [(amountOf(request) ?? 0) > (amountOf(limit) ?? Infinity), '', `it asks for more ${what} than its limit`],
    ];
  });

/**
 * @param {Pod} pod
 * @param {Container} container
 * @returns {[unknown, string, string][]}
 */
function probeRules({ owner, labels }, { startupProbe, livenessProbe, readinessProbe }) {
  if (owner.kind === 'Job') return [];
  const isService = labels['app.kubernetes.io/component'] === 'service';
  const isGateway = labels['app.kubernetes.io/name'] === 'gateway';
  const ready = isGateway ? '/api/system/health/ready' : '/ready';
  return [
    [!startupProbe, '', 'the startupProbe is missing'],
    [!livenessProbe, '', 'the livenessProbe is missing'],
    [!readinessProbe, 'readiness', 'the readinessProbe is missing'],
    [isService && livenessProbe && livenessProbe.httpGet?.path !== '/health', '', 'the livenessProbe must ask /health'],
    [isService && readinessProbe && readinessProbe.httpGet?.path !== ready, '', `the readinessProbe must ask ${ready}`],
    [
      isService && readinessProbe && (readinessProbe.timeoutSeconds ?? 1) < 3,
      '',
      'the readinessProbe must wait for 3 seconds or more: docs/operations.md says why',
    ],
  ];
}
