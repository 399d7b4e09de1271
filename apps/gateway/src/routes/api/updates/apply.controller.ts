import { Bus } from '@lapwing/bus';
import { ReleaseChannel, Version, attemptStart, type Actor } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { bodyText } from '../../../http/facts.js';
import { tagged } from './updates.view.js';

const ApplyBody = z
  .object({
    downloadUrl: z.url('the downloadUrl that the check gave').max(2000).optional(),
    /** For going back, and to say which release. */
    version: z
      .string()
      .transform((text) => text.replace(/^v/, ''))
      .pipe(Version)
      .optional(),
    channel: ReleaseChannel.optional(),
    action: z.enum(['update', 'rollback']).default('update'),
  })
  .refine(({ action, downloadUrl }) => action === 'rollback' || downloadUrl !== undefined, {
    error: 'required: the one that GET /api/updates/check gave',
    path: ['downloadUrl'],
  });
const Started = z.object({ status: z.literal('started'), message: z.string(), id: z.string() });

/** Pulse's way to begin an update; it goes on by itself and tells over the WebSocket. */
@Controller('api/updates/apply')
export class UpdateApplyController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Requires('system:write')
  @Audits((request) => ({
    type: 'update',
    action: 'started',
    target: bodyText(request, 'version') || bodyText(request, 'downloadUrl').replace(/[?#].*/, ''),
    details: { action: bodyText(request, 'action') || 'update' },
  }))
  @Answers('Begins an update to a release of the verified feed, or goes back to a version of before', Started)
  async post(
    @Body({ schema: ApplyBody }) body: z.infer<typeof ApplyBody>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof Started>> {
    const { id, action, version } = await this.bus.request(attemptStart, { ...body, actor });
    const what = action === 'rollback' ? 'going back to' : 'the update to';
    return { status: 'started', message: `${what} ${tagged(version)} has begun`, id };
  }
}
