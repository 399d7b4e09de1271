import { Bus } from '@lapwing/bus';
import {
  ImportDraft,
  LapwingError,
  MAX_EXPORT_LENGTH,
  PASSPHRASE_LENGTH,
  configurationImport,
  type Actor,
} from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import type { z } from 'zod';
import { AuditedByService, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { ImportView, toImportView } from './import.view.js';

/** The longest file, the longest pass phrase, each character of it escaped, and what stands around them. */
const BODY_LIMIT = MAX_EXPORT_LENGTH + PASSPHRASE_LENGTH.max * 12 + 1024;

/** Brings a configuration; the service settings tells the audit trail, also when it is completed later. */
@Controller('api/config/import')
export class ConfigImportController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Requires('config:import', { tokenInQuery: true, isTransfer: true, bodyLimit: BODY_LIMIT })
  @AuditedByService()
  @Answers('Replaces the sections that an exported configuration has, all of them or none', ImportView)
  async post(@Body({ schema: ImportDraft }) { passphrase, data }: z.infer<typeof ImportDraft>, @By() actor: Actor) {
    const { sections } = await this.bus.request(configurationImport, { passphrase, data, actor }).catch(unknownEnd);
    return toImportView(sections);
  }
}

/** Somebody was asked and did not answer: he may have ended before he decided, or after. */
function unknownEnd(error: unknown): never {
  if (!(error instanceof LapwingError) || error.code !== 'TIMEOUT') throw error;
  throw new LapwingError(
    'TIMEOUT',
    'no answer came: whether the import was decided is not known; if it was, it is completed by itself, and the audit trail tells',
    { decided: null },
  );
}
