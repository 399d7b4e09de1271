import { Bus } from '@lapwing/bus';
import {
  LapwingError,
  attemptGet,
  attemptStart,
  errorCodes,
  type Actor,
  type ErrorCode,
  type UpdateAttempt,
} from '@lapwing/contracts';
import { Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { Audits, Requires } from '../../../../../http/access.js';
import { Answers } from '../../../../../http/answer.js';
import { By } from '../../../../../http/caller.js';
import { UpdatesService } from '../../../../../services/updates.service.js';

const Downloaded = z.object({
  success: z.literal(true),
  version: z.string(),
  downloadPath: z.string(),
  checksum: z.string().describe('sha256: and hexadecimal digits'),
});

const LOOK_MS = 2000;

/** Supascale's download of the newest release. */
@Controller('api/v1/system/updates/download')
export class SystemUpdateDownloadController {
  constructor(
    private readonly bus: Bus,
    private readonly updates: UpdatesService,
  ) {}

  @Post()
  @HttpCode(200)
  @Requires('system:write')
  @Audits(() => ({ type: 'update', action: 'downloaded', target: 'newest' }))
  @Answers('Fetches the newest release to the server, and compares it with what was signed', Downloaded)
  async post(@By() actor: Actor): Promise<z.infer<typeof Downloaded>> {
    const { id } = await this.bus.request(attemptStart, { actor, action: 'download' });
    const { status, version, archive, sha256, error, errorCode } = await this.#ended(id);
    if (status === 'success' && archive !== null && sha256 !== null)
      return { success: true, version, downloadPath: archive, checksum: `sha256:${sha256}` };
    const code = errorCode !== null && errorCode in errorCodes ? (errorCode as ErrorCode) : 'UPDATE_FAILED';
    throw new LapwingError(code, error ?? undefined);
  }

  /** News of the end can be missed, the history cannot. */
  async #ended(id: string): Promise<UpdateAttempt> {
    let wake = (): void => {};
    const end = this.updates.follow(id, () => wake());
    try {
      for (;;) {
        const attempt = await this.bus.request(attemptGet, { id });
        if (attempt.status !== 'in_progress') return attempt;
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, LOOK_MS);
        });
      }
    } finally {
      end();
    }
  }
}
