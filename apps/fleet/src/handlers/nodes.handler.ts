import { OnRequest } from '@lapwing/bus';
import {
  nodeCreate,
  nodeDelete,
  nodeList,
  nodeRegister,
  nodeTest,
  nodeUpdate,
  setupcodeCreate,
  targetList,
  type InputOf,
  type OutputOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { NodesService } from '../services/nodes.service.js';
import { SetupCodesService } from '../services/setup-codes.service.js';

/** Hears what is to be polled. */
@Injectable()
export class NodesHandler {
  constructor(
    private readonly nodes: NodesService,
    private readonly codes: SetupCodesService,
  ) {}

  @OnRequest(nodeList)
  async list(): Promise<OutputOf<typeof nodeList>> {
    return { nodes: await this.nodes.list() };
  }

  @OnRequest(targetList)
  async targets(): Promise<OutputOf<typeof targetList>> {
    return { targets: await this.nodes.targets() };
  }

  @OnRequest(nodeCreate)
  create({ draft }: InputOf<typeof nodeCreate>): Promise<OutputOf<typeof nodeCreate>> {
    return this.nodes.create(draft);
  }

  @OnRequest(nodeUpdate)
  update({ id, changes }: InputOf<typeof nodeUpdate>): Promise<OutputOf<typeof nodeUpdate>> {
    return this.nodes.update(id, changes);
  }

  @OnRequest(nodeDelete)
  async delete({ id }: InputOf<typeof nodeDelete>): Promise<OutputOf<typeof nodeDelete>> {
    await this.nodes.delete(id);
    return {};
  }

  @OnRequest(nodeTest)
  test(what: InputOf<typeof nodeTest>): Promise<OutputOf<typeof nodeTest>> {
    return this.nodes.test(what);
  }

  @OnRequest(setupcodeCreate)
  makeCode(ask: InputOf<typeof setupcodeCreate>): Promise<OutputOf<typeof setupcodeCreate>> {
    return this.codes.create(ask);
  }

  @OnRequest(nodeRegister)
  register(ask: InputOf<typeof nodeRegister>): Promise<OutputOf<typeof nodeRegister>> {
    return this.codes.register(ask);
  }
}
