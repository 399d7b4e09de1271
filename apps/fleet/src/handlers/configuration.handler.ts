import { OnRequest } from '@lapwing/bus';
import { ownedConfiguration, type InputOf, type OutputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { ConfigurationService } from '../services/configuration.service.js';

const { list, stage, apply, discard } = ownedConfiguration.fleet;

/** Hears what of the configuration is carried away, and what comes back. Only the service settings may ask. */
@Injectable()
export class ConfigurationHandler {
  constructor(private readonly configuration: ConfigurationService) {}

  @OnRequest(list)
  list({ after }: InputOf<typeof list>): Promise<OutputOf<typeof list>> {
    return this.configuration.page(after);
  }

  @OnRequest(stage)
  async stage(ask: InputOf<typeof stage>): Promise<OutputOf<typeof stage>> {
    return { counts: await this.configuration.stage(ask) };
  }

  @OnRequest(apply)
  async apply({ importId }: InputOf<typeof apply>): Promise<OutputOf<typeof apply>> {
    await this.configuration.apply(importId);
    return {};
  }

  @OnRequest(discard)
  async discard({ importId }: InputOf<typeof discard>): Promise<OutputOf<typeof discard>> {
    await this.configuration.discard(importId);
    return {};
  }
}
