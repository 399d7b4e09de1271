import { OnCommand, OnNews } from '@lapwing/bus';
import {
  agentConfigured,
  logsStored,
  processGet,
  processList,
  processSignal,
  samplesStored,
  type InputOf,
  type OutputOf,
  type PayloadOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { LogService } from '../services/log.service.js';
import { ProcessService } from '../services/process.service.js';
import { SamplerService } from '../services/sampler.service.js';
import { SettingsService } from '../services/settings.service.js';
import { Processes } from '../sources/source.js';

/** Hears what concerns this host, and carries out commands to it. */
@Injectable()
export class CollectorHandler {
  constructor(
    private readonly sampler: SamplerService,
    private readonly logs: LogService,
    private readonly settings: SettingsService,
    private readonly processes: ProcessService,
    private readonly table: Processes,
  ) {}

  @OnNews(samplesStored, 'agent')
  stored(news: PayloadOf<typeof samplesStored>): void {
    this.sampler.delivery?.hear(news);
  }

  @OnNews(logsStored, 'agent')
  logsStored(news: PayloadOf<typeof logsStored>): void {
    this.logs.delivery?.hear(news);
  }

  @OnNews(agentConfigured, 'agent')
  configured(settings: PayloadOf<typeof agentConfigured>): void {
    void this.settings.apply(settings);
  }

  @OnCommand(processList)
  async list({ sortBy, limit }: InputOf<typeof processList>): Promise<OutputOf<typeof processList>> {
    return { processes: this.table.top(sortBy, limit), total: this.table.total };
  }

  @OnCommand(processGet)
  get({ pid }: InputOf<typeof processGet>): Promise<OutputOf<typeof processGet>> {
    return this.table.detail(pid);
  }

  @OnCommand(processSignal)
  async signal({ pid, signal }: InputOf<typeof processSignal>): Promise<OutputOf<typeof processSignal>> {
    this.processes.signal(pid, signal);
    return { pid, signal };
  }
}
