import { Bus } from '@lapwing/bus';
import { licenseValidate, type Actor } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Audits, Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { By } from '../../../../http/caller.js';
import { bodyText } from '../../../../http/facts.js';
import { LicenseBody, ValidView, toValidView } from './validate.view.js';

/** Supascale's check of a licence. */
@Controller('api/v1/license/validate')
export class ValidateLicenseController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Requires('system:write', { isLicense: true })
  @Audits((request: FastifyRequest) => ({
    type: 'license',
    action: 'validated',
    target: 'license',
    details: { email: bodyText(request, 'email') },
  }))
  @Answers('Checks a licence, and holds it from now on', ValidView)
  async validate(@Body({ schema: LicenseBody }) body: z.infer<typeof LicenseBody>, @By() actor: Actor) {
    return toValidView((await this.bus.request(licenseValidate, { actor, ...body })).updatesExpireAt ?? 0);
  }
}
