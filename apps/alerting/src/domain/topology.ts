import type { AffectedResource, AlertResource, DockerHost } from '@lapwing/contracts';
import { containerResource, dockerResource } from './readings/docker.js';
import { guestResource } from './readings/guests.js';
import { hostResource } from './readings/host.js';
import { itemsOf, nodeResource, type Target } from './readings/target.js';

const MAX_AFFECTED = 100;

/** What is known of all machines, as far as it says what stands on what. */
export interface Estate {
  targets: readonly Target[];
  dockerHosts: readonly DockerHost[];
  /** Agents by id, with the names of their hosts. */
  hosts: ReadonlyMap<string, string>;
}

/**
 * Knows what stands on what: containers on Docker hosts, Docker hosts and agents inside of guests or on nodes, guests on nodes. What runs inside
 * of a guest is found by its host name, where that is the name of one guest or node alone.
 */
export class Topology {
  readonly #paths = new Map<string, string[] | null>();
  #standing: Map<string, AffectedResource[]> | undefined;

  constructor(private readonly estate: Estate) {
    for (const target of estate.targets) {
      for (const { name } of itemsOf(target, 'nodes')) this.#name(nodeResource(target, name));
      for (const guest of itemsOf(target, 'guests')) if (!guest.template) this.#name(guestResource(target, guest));
    }
  }

  #name({ id, name, parents }: AlertResource): void {
    const key = name.toLowerCase();
    this.#paths.set(key, this.#paths.has(key) ? null : [id, ...parents]);
  }

  /** What a machine of this host name stands on, the nearest first. */
  pathOf(hostname: string): string[] {
    const name = hostname.toLowerCase();
    return this.#paths.get(this.#paths.has(name) ? name : (name.split('.')[0] ?? '')) ?? [];
  }

  /** What is away when a resource is: all that stands on it, the first of them by name. */
  below(id: string): { affected: AffectedResource[]; count: number } {
    this.#standing ??= this.#index();
    const found = this.#standing.get(id) ?? [];
    return { affected: found.slice(0, MAX_AFFECTED), count: found.length };
  }

  /** What stands on each resource. Made once: when much goes away together, each of them asks. */
  #index(): Map<string, AffectedResource[]> {
    const standing = new Map<string, AffectedResource[]>();
    for (const { id, name, type, parents } of this.#all())
      for (const parent of new Set(parents)) {
        const found = standing.get(parent);
        if (found) found.push({ id, name, type });
        else standing.set(parent, [{ id, name, type }]);
      }
    return standing;
  }

  *#all(): Generator<AlertResource> {
    for (const target of this.estate.targets) {
      for (const { name } of itemsOf(target, 'nodes')) yield nodeResource(target, name);
      for (const guest of itemsOf(target, 'guests')) if (!guest.template) yield guestResource(target, guest);
    }
    for (const [agentId, name] of this.estate.hosts) yield hostResource({ agentId, parents: this.pathOf(name) }, name);
    for (const host of this.estate.dockerHosts) {
      const resource = dockerResource(host, this.pathOf(host.report.host.hostname));
      yield resource;
      for (const container of host.report.containers) yield containerResource(resource, container);
    }
  }
}
