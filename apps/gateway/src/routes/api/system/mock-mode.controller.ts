import { Bus } from '@lapwing/bus';
import { MockConfig, settingsGet, settingsUpdate } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Post, Put } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';

const Mode = z.object({ enabled: z.boolean(), config: MockConfig });
const { shape } = MockConfig;
const Change = z.object({
  enabled: z.boolean(),
  config: z
    .object({
      nodeCount: shape.nodeCount.unwrap().optional(),
      vmsPerNode: shape.vmsPerNode.unwrap().optional(),
      lxcsPerNode: shape.lxcsPerNode.unwrap().optional(),
      dockerHostCount: shape.dockerHostCount.unwrap().optional(),
      dockerContainersPerHost: shape.dockerContainersPerHost.unwrap().optional(),
      randomMetrics: shape.randomMetrics.unwrap().optional(),
      highLoadNodes: shape.highLoadNodes.unwrap().optional(),
      stoppedPercent: shape.stoppedPercent.unwrap().optional(),
    })
    .default({}),
});

const fact = (request: FastifyRequest) => ({
  type: 'mock_mode',
  action: 'changed',
  target: (request.body as { enabled?: unknown } | undefined)?.enabled === true ? 'on' : 'off',
});

/** Made-up machines instead of the real ones, for trying and showing Lapwing. */
@Controller('api/system/mock-mode')
export class MockModeController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('settings:view')
  @Answers('Whether mock mode is on, and what it makes up', Mode)
  async get(): Promise<z.infer<typeof Mode>> {
    return (await this.bus.request(settingsGet, {})).mockMode;
  }

  @Post()
  @HttpCode(200)
  @Requires('settings:manage')
  @Audits(fact)
  @Answers('Switches mock mode; holds at once and on every replica', Mode)
  post(@Body({ schema: Change }) change: z.infer<typeof Change>): Promise<z.infer<typeof Mode>> {
    return this.#set(change);
  }

  @Put()
  @Requires('settings:manage')
  @Audits(fact)
  @Answers('Switches mock mode; holds at once and on every replica', Mode)
  put(@Body({ schema: Change }) change: z.infer<typeof Change>): Promise<z.infer<typeof Mode>> {
    return this.#set(change);
  }

  async #set({ enabled, config }: z.infer<typeof Change>): Promise<z.infer<typeof Mode>> {
    const { mockMode } = await this.bus.request(settingsGet, {});
    const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
    const wanted = { enabled, config: { ...mockMode.config, ...given } };
    return (await this.bus.request(settingsUpdate, { mockMode: wanted })).mockMode;
  }
}
