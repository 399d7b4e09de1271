import { DockerEngine } from '../docker/engine.js';
import type { PartOf, PartReader } from '../source.js';

type Container = PartOf<'docker'>['containers'][number];
type Listed = { Id: string; Names: string[]; State: string };

const MAX_CONTAINERS = 200;

/** Reads containers from the Docker engine. */
export class DockerReader implements PartReader<'docker'> {
  readonly part = 'docker';
  readonly everyMs = 10_000;
  readonly limitMs = 9000;
  readonly empty: PartOf<'docker'> = { available: false, containers: [] };
  readonly #engine: DockerEngine;

  constructor(socket: string) {
    this.#engine = new DockerEngine(socket);
  }

  async read(): Promise<PartOf<'docker'>> {
    if (!this.#engine.exists) return this.empty;
    const listed = (await this.#engine.get<Listed[]>('/containers/json?all=1')).slice(0, MAX_CONTAINERS);
    const containers = await this.#engine.each(listed, (container) => this.#container(container));
    return { available: true, containers: containers.toSorted((a, b) => a.name.localeCompare(b.name)) };
  }

  async #container({ Id, Names, State }: Listed): Promise<Container> {
    const container = { id: Id.slice(0, 12), name: Names[0]?.replace(/^\//, '') ?? Id.slice(0, 12), status: State };
    if (State !== 'running') return { ...container, cpu: 0, memory: 0 };
    try {
      const { cpu, memory } = await this.#engine.use(Id);
      return { ...container, cpu, memory };
    } catch {
      // stopped between the two questions
      return { ...container, cpu: 0, memory: 0 };
    }
  }
}
