import { Bus } from '@lapwing/bus';
import { LapwingError, licenseGet, type Actor } from '@lapwing/contracts';
import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../../http/access.js';
import { Answers, isoTime } from '../../../../http/answer.js';
import { By } from '../../../../http/caller.js';
import { isoSeconds } from '../../../../http/query.js';

const Status = z.object({
  valid: z.boolean(),
  email: z.string().nullable(),
  updatesExpireAt: isoTime.nullable(),
  updatesActive: z.boolean().describe('whether new releases may be installed under this licence'),
});

/** Supascale's licence that is held. */
@Controller('api/v1/license/status')
export class LicenseStatusController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('self')
  @Answers('The licence that is held; without one, nothing of it', Status)
  async status(@By() actor: Actor): Promise<z.infer<typeof Status>> {
    // Tokens for asking about licences are in other hands.
    const { permissions } = actor;
    if (permissions.length > 0 && permissions.every((permission) => permission.startsWith('licenses:')))
      throw new LapwingError('FORBIDDEN', 'this token is for checking licences alone');
    const { valid, email, updatesExpireAt: end, updatesActive } = await this.bus.request(licenseGet, {});
    return { valid, email, updatesExpireAt: end === null ? null : isoSeconds(end), updatesActive };
  }
}
