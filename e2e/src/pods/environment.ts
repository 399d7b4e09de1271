import { hostname } from 'node:os';
import type { IContainer } from 'kubernetes-models/v1';
import { quantity, type Objects, type PodPlan } from './objects.js';

/** What a pod learns about itself once it has a place. */
export interface PodFacts extends PodPlan {
  uid: string;
  /** `status.podIP`. */
  address: string;
}

/** The name of the node that a test is. */
export const NODE_NAME = 'node-1';
/** Its address. */
export const NODE_ADDRESS = '127.0.0.1';

/** What Kubernetes gives to each container, whatever its pod says. Nobody listens there. */
const ofKubernetes = {
  KUBERNETES_SERVICE_HOST: '127.96.0.1',
  KUBERNETES_SERVICE_PORT: '443',
  KUBERNETES_SERVICE_PORT_HTTPS: '443',
  KUBERNETES_PORT: 'tcp://127.96.0.1:443',
};

/**
 * The environment of a container: what its image sets, what Kubernetes sets, `envFrom`, `env`; nothing of this process.
 * @throws Error when it refers to what is not there.
 */
export function environmentOf(
  container: IContainer,
  pod: PodFacts,
  objects: Objects,
  ofImage: Record<string, string>,
  home: string,
): Record<string, string> {
  if (pod.spec.enableServiceLinks !== false)
    throw new Error(`${pod.name}: enableServiceLinks is not false, so that Services would get into its environment`);
  const environment: Record<string, string> = { ...ofImage, HOME: home, HOSTNAME: hostnameOf(pod), ...ofKubernetes };
  for (const { configMapRef, secretRef, prefix = '' } of container.envFrom ?? []) {
    const [kind, ref] = configMapRef ? (['ConfigMap', configMapRef] as const) : (['Secret', secretRef] as const);
    if (ref?.optional && !objects.find(kind, pod.namespace, ref.name ?? '')) continue;
    const contents = objects.contents(kind, pod.namespace, ref?.name ?? '');
    for (const [key, value] of Object.entries(contents)) environment[prefix + key] = value.toString();
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const found = valueFrom ? fromElsewhere(valueFrom, container, pod, objects) : expand(value ?? '', environment);
    if (found !== undefined) environment[name] = found;
  }
  return environment;
}

/** Replaces `$(NAME)` of what is known, as Kubernetes does in values, commands and arguments; `$$` stands for `$`. */
export function expand(text: string, environment: Record<string, string>): string {
  return text.replaceAll(/\$\$|\$\(([^)]+)\)/g, (all, name: string | undefined) =>
    name === undefined ? '$' : (environment[name] ?? all),
  );
}

/** The name that a pod's processes have of their machine: its own, or that of the machine whose network it shares. */
export const hostnameOf = (pod: PodPlan): string => (pod.spec.hostNetwork ? hostname() : pod.name);

type Source = NonNullable<NonNullable<IContainer['env']>[number]['valueFrom']>;

function fromElsewhere(source: Source, container: IContainer, pod: PodFacts, objects: Objects): string | undefined {
  const { fieldRef, secretKeyRef, configMapKeyRef, resourceFieldRef } = source;
  if (fieldRef) return fieldOf(fieldRef.fieldPath, pod);
  if (resourceFieldRef) {
    const [list = '', name = ''] = resourceFieldRef.resource.split('.');
    const amounts = container.resources?.[list as 'limits' | 'requests'];
    const amount = quantity(amounts?.[name] ?? '') / quantity(String(resourceFieldRef.divisor ?? 1));
    return String(Math.ceil(amount));
  }
  const [kind, ref] = secretKeyRef ? (['Secret', secretKeyRef] as const) : (['ConfigMap', configMapKeyRef] as const);
  if (!ref) throw new Error(`${pod.name}: a variable comes from where this test's node cannot look`);
  if (ref.optional && !objects.find(kind, pod.namespace, ref.name ?? '')) return undefined;
  const value = objects.contents(kind, pod.namespace, ref.name ?? '')[ref.key];
  if (value === undefined && !ref.optional) throw new Error(`${kind} "${ref.name}" has no "${ref.key}"`);
  return value?.toString();
}

function fieldOf(path: string, pod: PodFacts): string {
  const fields: Record<string, string | undefined> = {
    'metadata.name': pod.name,
    'metadata.namespace': pod.namespace,
    'metadata.uid': pod.uid,
    'spec.nodeName': NODE_NAME,
    'spec.serviceAccountName': pod.spec.serviceAccountName ?? 'default',
    'status.podIP': pod.address,
    'status.podIPs': pod.address,
    'status.hostIP': NODE_ADDRESS,
  };
  const label = /^metadata\.labels\['(.+)'\]$/.exec(path)?.[1];
  const found = label === undefined ? fields[path] : pod.labels[label];
  if (found === undefined) throw new Error(`${pod.name}: this test's node knows no field ${path}`);
  return found;
}
