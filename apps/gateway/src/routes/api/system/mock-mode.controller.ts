import { Bus } from '@lapwing/bus';
import { LapwingError, MockConfig, settingsGet, settingsUpdate, type Actor } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Post, Put } from '@nestjs/common';
import { z } from 'zod';
import { AuditedByService, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';

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

/** Somebody else may change the settings between reading and writing: then both are done once more. */
const TRIES = 5;

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
  @AuditedByService()
  @Answers('Switches mock mode; holds at once and on every replica', Mode)
  post(@Body({ schema: Change }) change: z.infer<typeof Change>, @By() actor: Actor): Promise<z.infer<typeof Mode>> {
    return this.#set(change, actor);
  }

  @Put()
  @Requires('settings:manage')
  @AuditedByService()
  @Answers('Switches mock mode; holds at once and on every replica', Mode)
  put(@Body({ schema: Change }) change: z.infer<typeof Change>, @By() actor: Actor): Promise<z.infer<typeof Mode>> {
    return this.#set(change, actor);
  }

  async #set(change: z.infer<typeof Change>, actor: Actor, tries = TRIES): Promise<z.infer<typeof Mode>> {
    try {
      return await this.#try(change, actor);
    } catch (error) {
      const isRace = error instanceof LapwingError && error.code === 'PRECONDITION_FAILED' && tries > 1;
      if (!isRace) throw error;
      return this.#set(change, actor, tries - 1);
    }
  }

  async #try({ enabled, config }: z.infer<typeof Change>, actor: Actor): Promise<z.infer<typeof Mode>> {
    const { mockMode, revision: ifRevision } = await this.bus.request(settingsGet, {});
    const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
    const wanted = { enabled, config: { ...mockMode.config, ...given } };
    return (await this.bus.request(settingsUpdate, { mockMode: wanted, ifRevision, actor })).mockMode;
  }
}
