import type { IContainer, IPodSpec, IPodTemplateSpec, IService } from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';

/** An object of a manifest, as far as a node looks at it. */
export interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  spec?: Record<string, unknown>;
  data?: Record<string, string>;
  stringData?: Record<string, string>;
}

/** A pod that a workload wants, before it has run anywhere. */
export interface PodPlan {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  spec: IPodSpec;
  /** The headless Service under which it has a name of its own. */
  subdomain: string | undefined;
  /** Names of the volumes for which it has claims of its own. */
  claims: string[];
}

/** The kinds of which pods come. */
export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'Job';

/** What was rendered, and what was made beside it. */
export class Objects {
  private constructor(private readonly all: Manifest[]) {}

  /** Reads manifests in YAML, any number in each text. */
  static of(...texts: string[]): Objects {
    const documents = texts.flatMap((text) => parseAllDocuments(text).map((one) => one.toJS() as Manifest | null));
    return new Objects(documents.filter((one) => one !== null));
  }

  /** Adds what somebody makes later, e.g. a Secret. */
  add(object: Manifest): void {
    this.all.push(object);
  }

  /** All objects of a kind, in any namespace. */
  ofKind(kind: string): Manifest[] {
    return this.all.filter((one) => one.kind === kind);
  }

  /** The object of this name. Throws when there is none. */
  get(kind: string, namespace: string, name: string): Manifest {
    const found = this.find(kind, namespace, name);
    if (!found) throw new Error(`there is no ${kind} "${name}" in the namespace "${namespace}"`);
    return found;
  }

  /** The object of this name, if there is one. */
  find(kind: string, namespace: string, name: string): Manifest | undefined {
    return this.ofKind(kind).find((one) => one.metadata.name === name && namespaceOf(one) === namespace);
  }

  /** The files of a Secret or a ConfigMap. */
  contents(kind: 'Secret' | 'ConfigMap', namespace: string, name: string): Record<string, Buffer> {
    const { data = {}, stringData = {} } = this.get(kind, namespace, name);
    const decode = (text: string): Buffer => Buffer.from(text, kind === 'Secret' ? 'base64' : 'utf8');
    return Object.fromEntries([
      ...Object.entries(data).map(([key, text]) => [key, decode(text)]),
      ...Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text)]),
    ]) as Record<string, Buffer>;
  }

  /** The Services, each with what it is for. */
  services(): { name: string; namespace: string; spec: NonNullable<IService['spec']> }[] {
    return this.ofKind('Service').map((one) => ({
      name: one.metadata.name,
      namespace: namespaceOf(one),
      spec: (one.spec ?? {}) as NonNullable<IService['spec']>,
    }));
  }
}

/** The namespace in which an object is. */
export const namespaceOf = ({ metadata }: Manifest): string => metadata.namespace ?? 'default';

/** The pods that a workload wants, named as Kubernetes names them. */
export function podsOf(workload: Manifest): PodPlan[] {
  const spec = workload.spec as {
    replicas?: number;
    serviceName?: string;
    template: IPodTemplateSpec;
    volumeClaimTemplates?: { metadata: { name: string } }[];
  };
  if (!spec.template.spec) throw new Error(`${workload.kind} ${workload.metadata.name} has no pod`);
  const isStateful = workload.kind === 'StatefulSet';
  // In the middle stands what Kubernetes makes of the template, and each pod has an end of its own.
  const name = (index: number): string => `${workload.metadata.name}-${isStateful ? index : `6d5f8b7c9-x${index}`}`;
  return Array.from({ length: spec.replicas ?? 1 }, (_, index) => ({
    name: name(index),
    namespace: namespaceOf(workload),
    labels: (spec.template.metadata?.labels ?? {}) as Record<string, string>,
    spec: spec.template.spec as IPodSpec,
    subdomain: isStateful ? spec.serviceName : undefined,
    claims: (spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name),
  }));
}

/** The number of a port that is named, or numbered, in one of these containers. */
export function portOf(containers: readonly IContainer[], port: string | number): number {
  if (typeof port === 'number') return port;
  const found = containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === port);
  if (!found) throw new Error(`no container has a port "${port}"`);
  return found.containerPort;
}

const UNITS: Record<string, number> = { '': 1, k: 1e3, M: 1e6, G: 1e9, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, m: 1e-3 };

/** A quantity as Kubernetes writes it, e.g. `256Mi`, as a number. */
export function quantity(text: string | number): number {
  const [, number = '', unit = ''] = /^([\d.]+)([A-Za-z]*)$/.exec(String(text)) ?? [];
  const factor = UNITS[unit];
  if (number === '' || factor === undefined) throw new Error(`"${text}" is no quantity that is known here`);
  return Number(number) * factor;
}
