import { eventually } from '@lapwing/testing';
import type { IContainer } from 'kubernetes-models/v1';
import { cp, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { RunningContainer, type Stopped } from './container.js';
import { environmentOf, expand, hostnameOf, type PodFacts } from './environment.js';
import { commandOf, type Image } from './images.js';
import { makeMemoryGroup } from './memory.js';
import { quantity, type Objects } from './objects.js';
import { ContainerProcess, type End } from './process.js';
import { rightsOf, type Mount } from './sandbox.js';
import type { Endpoint } from './services.js';
import { makeVolumes, type Source } from './volumes.js';

/** What a pod needs of the node on which it runs. */
export interface Node {
  objects: Objects;
  imageOf: (reference: string) => Image;
  /** Where pods have their folders, and claims theirs. */
  folder: string;
  hosts: (pod: PodFacts) => string;
  speedUp: number;
  /** Is told what could not be reproduced. */
  note: (text: string) => void;
}

/** A pod that runs as processes of this machine. */
export class Pod implements Endpoint {
  readonly #containers: RunningContainer[] = [];
  #volumes = new Map<string, Source>();
  #stopping = false;

  constructor(
    readonly facts: PodFacts,
    private readonly node: Node,
  ) {}

  get name(): string {
    return this.facts.name;
  }
  get namespace(): string {
    return this.facts.namespace;
  }
  get labels(): Record<string, string> {
    return this.facts.labels;
  }
  get address(): string {
    return this.facts.address;
  }
  get containers(): readonly IContainer[] {
    return this.facts.spec.containers;
  }

  /** Whether Services send new connections to it. */
  get isOpen(): boolean {
    return !this.#stopping && this.isReady;
  }

  /** Whether all its containers are ready, as their probes say. */
  get isReady(): boolean {
    return this.#containers.length > 0 && this.#containers.every((one) => one.isReady);
  }

  /** Why one of its containers has failed; undefined while none has. */
  get failure(): string | undefined {
    return this.#containers.find((one) => one.failure !== undefined)?.failure;
  }

  /** How its containers are, and what they printed last. */
  get story(): string {
    return this.#containers.map((one) => `--- ${this.name}: ${one.story}`).join('\n');
  }

  /** Its first container's process. */
  get process(): ContainerProcess {
    const [first] = this.#containers;
    if (!first) throw new Error(`${this.name} does not run`);
    return first.process;
  }

  /** Runs its init containers to their ends, and starts the others. */
  async start(): Promise<this> {
    await this.#prepare();
    for (const container of this.facts.spec.initContainers ?? []) {
      if (container.restartPolicy) throw new Error(`${container.name}: this test's node knows no sidecars`);
      const process = await this.#run(container);
      const { code, signal } = await process.ended();
      await process.remove();
      if (code !== 0)
        throw new Error(`${this.name}: ${container.name} ended with ${signal ?? code}: ${process.printed}`);
    }
    for (const container of this.containers) {
      const process = await this.#run(container);
      const running = new RunningContainer(container, process, this.address, this.node.speedUp);
      this.#containers.push(running);
      running.watch();
    }
    return this;
  }

  /** Runs it to its end, as a Job does: no probes, one container. */
  async complete(): Promise<End & { printed: string }> {
    await this.#prepare();
    const [container] = this.containers;
    if (!container) throw new Error(`${this.name} has no container`);
    const process = await this.#run(container);
    const end = await process.ended();
    await process.remove();
    return { ...end, printed: process.printed };
  }

  /** Waits until it is ready. Throws with its story when it fails, or is not ready in time. */
  async ready(withinMs: number): Promise<void> {
    const failed = await eventually(() => this.isReady || this.failure !== undefined, withinMs).then(
      () => this.failure !== undefined,
      () => true,
    );
    if (failed) throw new Error(`${this.name} is not ready:\n${this.story}`);
  }

  /** Deletes it: Services leave it alone from now on, and its containers are stopped within its grace period. */
  async stop(): Promise<Stopped[]> {
    this.#stopping = true;
    const grace = this.facts.spec.terminationGracePeriodSeconds ?? 30;
    return Promise.all(this.#containers.map((one) => one.stop(grace)));
  }

  /** Ends it at once, and removes what it had besides its claims. */
  async remove(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#containers.map((one) => one.remove()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #folder(): string {
    return path.join(this.node.folder, 'pods', `${this.namespace}.${this.name}`);
  }

  async #prepare(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    const etc = path.join(this.#folder, 'etc');
    await mkdir(etc, { recursive: true });
    await writeFile(path.join(etc, 'hosts'), this.node.hosts(this.facts));
    await writeFile(path.join(etc, 'hostname'), `${hostnameOf(this.facts)}\n`);
    await writeFile(path.join(etc, 'nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files\n');
    for (const file of ['ld.so.cache', 'os-release'])
      await cp(path.join('/etc', file), path.join(etc, file), { dereference: true }).catch(() => {});
    const below = (name: string): string => path.join(this.node.folder, name);
    const places = { pod: this.#folder, claims: path.join(below('claims'), this.namespace), host: below('host') };
    this.#volumes = await makeVolumes(this.facts, this.node.objects, places);
  }

  async #run(container: IContainer): Promise<ContainerProcess> {
    const image = this.node.imageOf(container.image ?? '');
    const rights = rightsOf(this.facts.spec, container, image);
    const home = image.homes[rights.user] ?? '/';
    const environment = environmentOf(container, this.facts, this.node.objects, image.environment, home);
    const command = commandOf(image, container.command, container.args).map((part) => expand(part, environment));
    const folder = path.join(this.#folder, container.name);
    const memoryGroup = this.#boundMemory(container);
    const view = {
      image,
      etc: path.join(this.#folder, 'etc'),
      mounts: await this.#mounts(container),
      rights,
      hostname: hostnameOf(this.facts),
      workingFolder: container.workingDir ?? image.workingFolder,
      ...(memoryGroup !== undefined && { memoryGroup }),
      hostProcesses: this.facts.spec.hostPID === true,
    };
    const process = new ContainerProcess(folder, view, environment);
    await process.start(command);
    return process;
  }

  async #mounts(container: IContainer): Promise<Mount[]> {
    const wanted = container.volumeMounts ?? [];
    return Promise.all(
      wanted.map(async ({ name, mountPath, subPath, readOnly }) => {
        const source = this.#volumes.get(name);
        if (!source) throw new Error(`${this.name}: ${container.name} mounts "${name}", which is no volume of the pod`);
        const from = path.join(source.path, subPath ?? '');
        const isFile = (await stat(from).catch(() => undefined))?.isFile() === true;
        return {
          source,
          target: mountPath,
          ...(subPath !== undefined && { subPath }),
          readOnly: readOnly === true,
          isFile,
        };
      }),
    );
  }

  #boundMemory(container: IContainer): string | undefined {
    const limit = container.resources?.limits?.['memory'];
    if (limit === undefined) return undefined;
    const group = makeMemoryGroup(`lapwing-${this.facts.uid}-${container.name}`, quantity(limit));
    if (group === undefined)
      this.node.note('limits of memory are not enforced: this machine lets no control group be made');
    return group;
  }
}
