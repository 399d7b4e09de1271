import { Bus } from '@lapwing/bus';
import {
  NodeDraft,
  TargetId,
  nodeCreate,
  nodeDelete,
  nodeList,
  nodeTest,
  nodeUpdate,
  type Actor,
  type ConfiguredNode,
} from '@lapwing/contracts';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires, Unaudited } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { EstateService } from '../../../services/estate.service.js';
import { NodeView, TestView, toNodeView, toTestView } from './nodes.view.js';

const NodeParam = z.object({ nodeId: TargetId });
const Added = z.object({ success: z.literal(true), message: z.string(), id: z.string(), node: NodeView });
const Done = z.object({ success: z.literal(true), message: z.string() });

const added = (request: FastifyRequest) => {
  const { type, host } = (request.body ?? {}) as Record<string, unknown>;
  return {
    type: 'node',
    action: 'added',
    target: `${String(type)} ${String(host)}`.slice(0, 300).replace(/:\/\/[^@/]*@/, '://'),
  };
};
const fact = (action: string) => (request: FastifyRequest) => ({
  type: 'node',
  action,
  target: (request.params as { nodeId: string }).nodeId,
});

/** The nodes that are polled. */
@Controller('api')
export class NodesController {
  constructor(
    private readonly bus: Bus,
    private readonly estate: EstateService,
  ) {}

  @Get('config/nodes')
  @Requires('nodes:view', { inApiOnlyMode: true })
  @Answers('All configured nodes, without their secrets', z.array(NodeView))
  async list() {
    const { nodes } = await this.bus.request(nodeList, {});
    return nodes.map((node) => this.#view(node));
  }

  @Post('config/nodes')
  @HttpCode(200)
  @Requires('nodes:manage')
  @Audits(added)
  @Answers('Adds a node', Added)
  add(@Body({ schema: NodeDraft }) draft: NodeDraft, @By() actor: Actor) {
    return this.#add(draft, actor);
  }

  @Post('nodes')
  @HttpCode(200)
  @Requires('nodes:manage')
  @Audits(added)
  @Answers('Adds a node; another name of POST /api/config/nodes', Added)
  addByOtherName(@Body({ schema: NodeDraft }) draft: NodeDraft, @By() actor: Actor) {
    return this.#add(draft, actor);
  }

  @Post('config/nodes/test-connection')
  @HttpCode(200)
  @Requires('nodes:manage')
  @Unaudited()
  @Answers('Tries to reach a node that is not saved', TestView)
  async testConnection(@Body({ schema: NodeDraft }) draft: NodeDraft) {
    return toTestView(await this.bus.request(nodeTest, { draft, complete: false }));
  }

  @Post('config/nodes/test-config')
  @HttpCode(200)
  @Requires('nodes:manage')
  @Unaudited()
  @Answers('Checks all fields of a node that is not saved, and tries to reach it', TestView)
  async testConfig(@Body({ schema: NodeDraft }) draft: NodeDraft) {
    return toTestView(await this.bus.request(nodeTest, { draft, complete: true }));
  }

  @Put('config/nodes/:nodeId')
  @Requires('nodes:manage')
  @Audits(fact('updated'))
  @Answers('Changes what is given; an empty secret keeps the one that is there, unless the host changes', NodeView)
  async update(
    @Param({ schema: NodeParam }) { nodeId: id }: z.infer<typeof NodeParam>,
    @Body({ schema: NodeDraft.partial() }) changes: Partial<NodeDraft>,
    @By() actor: Actor,
  ) {
    return this.#view(await this.bus.request(nodeUpdate, { actor, id, changes }));
  }

  @Delete('config/nodes/:nodeId')
  @HttpCode(200)
  @Requires('nodes:manage')
  @Audits(fact('deleted'))
  @Answers('Forgets a node; its history stays', Done)
  async delete(@Param({ schema: NodeParam }) { nodeId: id }: z.infer<typeof NodeParam>, @By() actor: Actor) {
    await this.bus.request(nodeDelete, { actor, id });
    return { success: true, message: `node ${id} is no longer polled` };
  }

  @Post('config/nodes/:nodeId/test')
  @HttpCode(200)
  @Requires('nodes:manage')
  @Unaudited()
  @Answers('Tries to reach a saved node with its own secrets', TestView)
  async test(@Param({ schema: NodeParam }) { nodeId: id }: z.infer<typeof NodeParam>) {
    return toTestView(await this.bus.request(nodeTest, { id }));
  }

  async #add(draft: NodeDraft, actor: Actor) {
    const node = await this.bus.request(nodeCreate, { actor, draft });
    return { success: true, message: `node ${node.name} was added`, id: node.id, node: this.#view(node) };
  }

  #view(node: ConfiguredNode) {
    return toNodeView(node, this.estate.linkTo(node.id));
  }
}
