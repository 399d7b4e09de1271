import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { NODE_ADDRESS, NODE_NAME, type PodFacts } from './environment.js';
import type { Image } from './images.js';
import { namespaceOf, podsOf, type Objects, type PodPlan, type WorkloadKind } from './objects.js';
import { OwnNetwork } from './network.js';
import { Pod, type Node } from './pod.js';
import type { End } from './process.js';
import { ServiceAddress, type StandIn } from './services.js';

/** How a cluster of one node is made. */
export interface ClusterOptions {
  objects: Objects;
  imageOf: (reference: string) => Image;
  /** A folder of its own. */
  folder: string;
  /** Servers that stand in for the pods behind a Service, by the Service's name. */
  standIns?: Record<string, StandIn>;
  /** By how much probes ask more often than the manifest says. */
  speedUp?: number;
}

/**
 * A cluster whose one node is this test: pods are processes with an address each, Services pass on connections,
 * and names stand in each pod's /etc/hosts.
 */
export class Cluster {
  readonly #network = OwnNetwork.open();
  readonly #services = new Map<string, ServiceAddress>();
  readonly #pods = new Set<Pod>();
  readonly #notes = new Set<string>();
  readonly #node: Node;

  private constructor(private readonly options: ClusterOptions) {
    this.#node = {
      objects: options.objects,
      imageOf: options.imageOf,
      folder: options.folder,
      hosts: (pod) => this.#hosts(pod),
      speedUp: options.speedUp ?? 1,
      note: (text) => this.#note(text),
    };
  }

  /** Makes one, and opens all its Services. */
  static async create(options: ClusterOptions): Promise<Cluster> {
    await mkdir(options.folder, { recursive: true });
    const cluster = new Cluster(options);
    for (const service of options.objects.services()) {
      if (service.spec.clusterIP === 'None') continue;
      const address = cluster.addressOf(service.namespace, service.name, 'service');
      const standIn = options.standIns?.[service.name];
      const opened = await ServiceAddress.open(service, address, () => [...cluster.#pods], standIn);
      cluster.#services.set(`${service.namespace}/${service.name}`, opened);
    }
    return cluster;
  }

  /** The address of a pod or of a Service, which it keeps. */
  addressOf(namespace: string, name: string, what: 'pod' | 'service' = 'pod'): string {
    return this.#network.addressOf(`${what} ${namespace}/${name}`);
  }

  /** Starts the pods of a workload. One after the other, each when the one before is ready, where the manifest wants that. */
  async start(kind: WorkloadKind, namespace: string, name: string, withinMs: number): Promise<Pod[]> {
    const workload = this.options.objects.get(kind, namespace, name);
    const inOrder = kind === 'StatefulSet' && workload.spec?.['podManagementPolicy'] !== 'Parallel';
    const pods: Pod[] = [];
    for (const plan of podsOf(workload)) {
      const pod = await this.#begin(plan);
      if (inOrder) await pod.ready(withinMs);
      pods.push(pod);
    }
    return pods;
  }

  /** Starts a pod again that has ended, as its workload does: the same name, its claims, all else new. */
  async again(pod: Pod): Promise<Pod> {
    this.#pods.delete(pod);
    await pod.remove();
    return this.#begin(pod.facts);
  }

  /** Runs a Job to its end. */
  async complete(namespace: string, name: string): Promise<End & { printed: string }> {
    const [plan] = podsOf(this.options.objects.get('Job', namespace, name));
    if (!plan) throw new Error(`the Job ${name} has no pod`);
    const pod = new Pod(this.#facts(plan), this.#node);
    const end = await pod.complete();
    await pod.remove();
    return end;
  }

  /** Ends everything at once. */
  async remove(): Promise<void> {
    for (const service of this.#services.values()) service.close();
    try {
      await Promise.all([...this.#pods].map((pod) => pod.remove()));
    } finally {
      this.#network.close();
    }
  }

  async #begin(plan: PodPlan): Promise<Pod> {
    const pod = new Pod(this.#facts(plan), this.#node);
    this.#pods.add(pod);
    return pod.start();
  }

  #facts(plan: PodPlan): PodFacts {
    const address = plan.spec.hostNetwork ? NODE_ADDRESS : this.addressOf(plan.namespace, plan.name);
    return { ...plan, uid: randomUUID(), address };
  }

  #note(text: string): void {
    if (!this.#notes.has(text)) process.stderr.write(`\n!!! ${NODE_NAME}: ${text} !!!\n\n`);
    this.#notes.add(text);
  }

  /** What a pod finds by name: itself, Services, and the pods of headless Services that are named before they are ready. */
  #hosts(pod: PodFacts): string {
    const lines = [`127.0.0.1 localhost`, `${pod.address} ${pod.name}`];
    for (const { name, namespace, spec } of this.options.objects.services()) {
      const names = (first: string): string => namesOf(first, namespace, pod.namespace).join(' ');
      if (spec.clusterIP !== 'None') lines.push(`${this.addressOf(namespace, name, 'service')} ${names(name)}`);
      else
        for (const member of this.#membersOf(name, namespace)) {
          if (!spec.publishNotReadyAddresses)
            this.#note(
              `pods find those behind ${name} from the beginning, although it does not publish them before they are ready`,
            );
          lines.push(`${this.addressOf(namespace, member)} ${names(`${member}.${name}`)} ${names(name)}`);
        }
    }
    return `${lines.join('\n')}\n`;
  }

  /** The pods of the StatefulSets that a headless Service names. */
  #membersOf(service: string, namespace: string): string[] {
    return this.options.objects
      .ofKind('StatefulSet')
      .filter((one) => namespaceOf(one) === namespace && one.spec?.['serviceName'] === service)
      .flatMap((one) => podsOf(one).map(({ name }) => name));
  }
}

function namesOf(first: string, namespace: string, from: string): string[] {
  const full = [`${first}.${namespace}`, `${first}.${namespace}.svc`, `${first}.${namespace}.svc.cluster.local`];
  return namespace === from ? [first, ...full] : full;
}
