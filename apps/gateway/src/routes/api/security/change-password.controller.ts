import { Bus } from '@lapwing/bus';
import { LapwingError, Password, passwordChange, type Actor } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { AuditedByAuth, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';

const Change = z.object({ currentPassword: z.string().min(1).max(1024), newPassword: Password });
const Done = z.object({ success: z.literal(true), message: z.string() });

/** Pulse's way to change one's own password. */
@Controller('api/security/change-password')
export class PasswordController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Requires('self', { isLogin: true })
  @AuditedByAuth()
  @Answers('Changes the own password; all other sessions end', Done)
  async change(
    @Body({ schema: Change }) { currentPassword: current, newPassword: next }: z.infer<typeof Change>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof Done>> {
    try {
      await this.bus.request(passwordChange, { actor, current, next });
    } catch (error) {
      // Pulse's clients know 401 for a wrong current password.
      if (error instanceof LapwingError && error.code === 'INVALID_CURRENT_PASSWORD')
        throw new LapwingError('INVALID_CREDENTIALS', error.message, error.details);
      throw error;
    }
    return { success: true, message: 'password changed; all other sessions have ended' };
  }
}
