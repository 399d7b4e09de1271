import { Bus } from '@lapwing/bus';
import { ExportDraft, configurationExport, type Actor } from '@lapwing/contracts';
import { Body, Controller, Header, HttpCode, Post } from '@nestjs/common';
import type { z } from 'zod';
import { AuditedByService, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { ExportView, toExportView } from './export.view.js';

/** Carries the configuration away; the service settings tells the audit trail. */
@Controller('api/config/export')
export class ConfigExportController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @Requires('config:export', { tokenInQuery: true, isTransfer: true })
  @AuditedByService()
  @Answers('The configuration with its secrets, encrypted with a pass phrase of 12 to 1024 characters', ExportView)
  async post(@Body({ schema: ExportDraft }) { passphrase }: z.infer<typeof ExportDraft>, @By() actor: Actor) {
    return toExportView((await this.bus.request(configurationExport, { passphrase, actor })).data);
  }
}
