import { Bus } from '@lapwing/bus';
import { issuedlicenseCheck } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import type { z } from 'zod';
import { Requires, Unaudited } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { LicenseBody, ValidView, toValidView } from './validate.view.js';

/** What the servers of others ask whose licences were issued here. */
@Controller('api/v1/license/check')
export class CheckLicenseController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Requires('licenses:check', { isLicense: true })
  @Unaudited()
  @Answers('Whether a licence was issued here; nothing is held', ValidView)
  async check(@Body({ schema: LicenseBody }) body: z.infer<typeof LicenseBody>) {
    return toValidView((await this.bus.request(issuedlicenseCheck, body)).updatesExpireAt);
  }
}
