// Whether each service gets exactly the settings that its code reads: none missing, none unknown, secrets out of Secrets alone.
import { inEach, nameOf, ofKind, podsOf } from './objects.mjs';
import { notInContainers, ofTheRuntime, services, settingsOf } from './settings.mjs';

/** @typedef {import('./objects.mjs').KubernetesObject} KubernetesObject */
/** @typedef {import('./objects.mjs').Pod} Pod */
/** @typedef {NonNullable<import('./objects.mjs').Container['env']>[number]} Variable */

/** What must not stand in a manifest or a ConfigMap. */
const isSecret = (/** @type {string} */ name) =>
  /^(DATABASE_URL|REDIS_URL)$|(_KEY|_PASS|_PASSWORD|_SECRET|_TOKEN|^API_TOKENS?)$/.test(name);

/** @type {import('./main.mjs').Check} */
export const check = async (root) => inEach(root, (objects) => problemsOf(objects, root));

/**
 * @param {KubernetesObject[]} objects
 * @param {string} root where the services' code is
 * @returns {string[]}
 */
export const problemsOf = (objects, root) => podsOf(objects).flatMap((pod) => ofPod(pod, objects, root));

/**
 * @param {Pod} pod
 * @param {KubernetesObject[]} objects
 * @param {string} root
 */
function ofPod(pod, objects, root) {
  const { 'app.kubernetes.io/name': name = '', 'app.kubernetes.io/component': component } = pod.labels;
  if (component === 'server' || component === 'test') return [];
  const service = component === 'agent' ? 'collector' : component === 'migration' ? 'updates' : name;
  const tell = (/** @type {string} */ text) => `${nameOf(pod.owner)}: ${text}`;
  if (component === 'service' && !(service in services)) return [tell(`there is no service ${service}`)];
  const wanted = settingsOf(root, service).filter((setting) => !(setting in notInContainers));
  return pod.containers.flatMap(({ env = [], envFrom = [], command }) => {
    const fromMaps = envFrom.flatMap(({ configMapRef }) => namesIn(objects, pod.owner, configMapRef?.name));
    const names = [...env.map((variable) => variable.name), ...fromMaps];
    // What the Job reads must not change without its version: it gets what it needs, and no other setting.
    const missing = component === 'migration' ? [] : wanted.filter((setting) => !names.includes(setting));
    const unknown = names.filter((one) => !wanted.includes(one) && !ofTheRuntime.test(one));
    const twice = names.filter((one, index) => names.indexOf(one) < index);
    return [
      ...missing.map((one) => tell(`the setting ${one} is missing`)),
      ...unknown.map((one) => tell(`${service} knows no setting ${one}`)),
      ...twice.map((one) => tell(`the setting ${one} is there twice`)),
      ...[...env.filter(isOpen).map((variable) => variable.name), ...fromMaps.filter(isSecret)].map((one) =>
        tell(`${one} is a secret, and must come out of a Secret`),
      ),
      ...commandProblems(service, component, command).map(tell),
    ];
  });
}

/** @param {Variable} variable */
const isOpen = ({ name, valueFrom }) => isSecret(name) && !valueFrom?.secretKeyRef;

/**
 * @param {KubernetesObject[]} objects
 * @param {KubernetesObject} owner
 * @param {string | undefined} name
 */
function namesIn(objects, owner, name) {
  /** @type {(KubernetesObject & { data?: Record<string, string> })[]} */
  const all = ofKind(objects, 'ConfigMap');
  const map = all.find(({ metadata }) => metadata.name === name && metadata.namespace === owner.metadata.namespace);
  return Object.keys(map?.data ?? {});
}

/**
 * Whether the container runs the service that it is called after.
 * @param {string} service
 * @param {string | undefined} component
 * @param {string[] | undefined} command
 */
function commandProblems(service, component, command) {
  const program = services[/** @type {keyof typeof services} */ (service)];
  const wanted = component === 'service' ? `node ${program}` : undefined;
  return wanted !== undefined && command?.join(' ') !== wanted ? [`its command must be ${wanted}`] : [];
}
