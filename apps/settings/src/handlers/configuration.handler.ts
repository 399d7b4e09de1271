import { OnRequest } from '@lapwing/bus';
import { configurationExport, configurationImport, type InputOf, type OutputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { ConfigurationService } from '../services/configuration.service.js';

/** Hears who carries the configuration away, and who brings one. */
@Injectable()
export class ConfigurationHandler {
  constructor(private readonly configuration: ConfigurationService) {}

  @OnRequest(configurationExport)
  export({ passphrase, actor }: InputOf<typeof configurationExport>): Promise<OutputOf<typeof configurationExport>> {
    return this.configuration.export(passphrase, actor);
  }

  @OnRequest(configurationImport)
  import({
    passphrase,
    data,
    actor,
  }: InputOf<typeof configurationImport>): Promise<OutputOf<typeof configurationImport>> {
    return this.configuration.import(passphrase, data, actor);
  }
}
