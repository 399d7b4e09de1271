import { nodeIdOf, LapwingError } from '@lapwing/contracts';
import { Controller, Get, Param } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { itemsOf } from '../../services/estate.js';
import { EstateService } from '../../services/estate.service.js';
import { storageView } from './state/storage.view.js';

const Storage = z.looseObject({ id: z.string(), name: z.string(), node: z.string(), status: z.string() });
const seconds = z.int().describe('seconds since 1970');
const StorageParam = z.object({ id: z.string().min(1).max(600) });
const OfNode = z.object({ node: z.string(), storage: z.array(Storage), timestamp: seconds });
const One = z.object({ data: Storage, timestamp: seconds });

/** Storages of all nodes, of one node, or one of them. */
@Controller('api/storage')
export class StorageController {
  constructor(private readonly estate: EstateService) {}

  @Get()
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('All storages, shared ones once', z.object({ storage: z.array(Storage), timestamp: seconds }))
  list() {
    return { storage: this.#all(), timestamp: Math.floor(Date.now() / 1000) };
  }

  @Get(':id')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('The storages of a node, by its id or name; or one storage by its id', z.union([OfNode, One]))
  get(@Param({ schema: StorageParam }) { id }: z.infer<typeof StorageParam>) {
    const timestamp = Math.floor(Date.now() / 1000);
    const all = this.#all();
    if (this.#isNode(id)) {
      const storage = all.filter(({ nodes, nodeIds }) => nodes.includes(id) || nodeIds.includes(id));
      return { node: id, storage, timestamp };
    }
    const data = all.find((one) => one.id === id);
    if (data) return { data, timestamp };
    throw new LapwingError('NOT_FOUND', `no node and no storage "${id}"`, { id });
  }

  #all() {
    return this.estate
      .targets()
      .flatMap((target) => itemsOf(target, 'storages').map((one) => storageView(target, one)));
  }

  #isNode(id: string): boolean {
    return this.estate
      .targets()
      .some((target) => itemsOf(target, 'nodes').some(({ name }) => name === id || nodeIdOf(target.name, name) === id));
  }
}
