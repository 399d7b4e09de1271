import type { Actor } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { ApiKeyWrite, AuditedByService } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { flag } from '../../../http/query.js';
import { CleanupService } from '../../../services/cleanup.service.js';
import { CleanupDocument, toCleanupDocument } from './cleanup.view.js';

const CleanupQuery = z.strictObject({ dry_run: flag.default(false) });
/** What is meant for the query must not be overlooked here: it would be deleted in earnest. */
const NoBody = z.strictObject({}).nullish();

/** Deletes what is past its time. */
@Controller('api/system/cleanup')
export class CleanupController {
  constructor(private readonly cleanup: CleanupService) {}

  @Post()
  @HttpCode(200)
  @ApiKeyWrite('system:write')
  @AuditedByService()
  @Answers('Deletes what is older than the retention period, or counts it', CleanupDocument)
  async run(
    @By() actor: Actor,
    @Query({ schema: CleanupQuery }) { dry_run: dryRun }: z.infer<typeof CleanupQuery>,
    @Body({ schema: NoBody }) _body: z.infer<typeof NoBody>,
  ) {
    return toCleanupDocument(await this.cleanup.run(actor, dryRun));
  }
}
