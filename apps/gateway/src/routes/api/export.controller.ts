import { Bus } from '@lapwing/bus';
import { ExportDraft, LapwingError, configurationExport, type Actor } from '@lapwing/contracts';
import { Controller, Get, Header, Headers, HttpCode, Post } from '@nestjs/common';
import type { z } from 'zod';
import { AuditedByService, Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { By } from '../../http/caller.js';
import { ExportView, toExportView } from './config/export.view.js';

const HEADER = 'X-Export-Passphrase';
const access = { tokenInQuery: true, isTransfer: true };

/** Another name of POST /api/config/export; the pass phrase comes in a header, and never in the query, which is logged by proxies. */
@Controller('api/export')
export class ExportController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @Requires('config:export', access)
  @Answers(`The configuration, encrypted with the pass phrase in the header ${HEADER}`, ExportView)
  get(@Headers(HEADER) given: string | undefined, @By() actor: Actor) {
    return this.#export(given, actor);
  }

  @Post()
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @Requires('config:export', access)
  @AuditedByService()
  @Answers(`The configuration, encrypted with the pass phrase in the header ${HEADER}`, ExportView)
  post(@Headers(HEADER) given: string | undefined, @By() actor: Actor) {
    return this.#export(given, actor);
  }

  async #export(given: string | undefined, actor: Actor): Promise<z.infer<typeof ExportView>> {
    const draft = ExportDraft.safeParse({ passphrase: given === undefined ? given : asUtf8(given) });
    if (!draft.success)
      throw new LapwingError(
        'INVALID_INPUT',
        `send a pass phrase of 12 to 1024 characters in the header ${HEADER}, or as "passphrase" in the body of POST /api/config/export`,
      );
    return toExportView((await this.bus.request(configurationExport, { ...draft.data, actor })).data);
  }
}

/** Headers are read as Latin-1; clients send UTF-8, as in a body. */
const asUtf8 = (text: string): string => Buffer.from(text, 'latin1').toString('utf8');
