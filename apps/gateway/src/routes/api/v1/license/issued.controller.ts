import { Bus } from '@lapwing/bus';
import {
  LicenseEmail,
  issuedlicenseCreate,
  issuedlicenseList,
  issuedlicenseRevoke,
  type Actor,
  type IssuedLicense,
} from '@lapwing/contracts';
import { Body, Controller, Delete, Get, Param, Post } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../../http/access.js';
import { Answers, isoTime } from '../../../../http/answer.js';
import { By } from '../../../../http/caller.js';
import { bodyText, pathText } from '../../../../http/facts.js';
import { instant, isoSeconds } from '../../../../http/query.js';

const Draft = z.object({ email: LicenseEmail, updatesExpireAt: instant });
const ById = z.object({ id: z.uuid('the id of a licence') });
const View = z.object({
  id: z.uuid(),
  email: z.string(),
  prefix: z.string().describe('the first four characters of the key'),
  updatesExpireAt: isoTime,
  issuedAt: isoTime,
  issuedBy: z.string(),
  revokedAt: isoTime.nullable(),
});
const Licenses = z.object({ licenses: z.array(View) });
const Issued = z.object({ license: View, licenseKey: z.string().describe('shown here only') });

const fact = (action: string) => (request: FastifyRequest) => ({
  type: 'license',
  action,
  target: pathText(request, 'id') || bodyText(request, 'email'),
});

function toView({ updatesExpireAt, issuedAt, revokedAt, ...license }: IssuedLicense): z.infer<typeof View> {
  return {
    ...license,
    updatesExpireAt: isoSeconds(updatesExpireAt),
    issuedAt: isoSeconds(issuedAt),
    revokedAt: revokedAt === null ? null : isoSeconds(revokedAt),
  };
}

/** Licences that this server gives to others. */
@Controller('api/v1/license/issued')
export class IssuedLicensesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('security:manage')
  @Answers('The last 1000 licences that were issued here, the newest first', Licenses)
  async list(): Promise<z.infer<typeof Licenses>> {
    return { licenses: (await this.bus.request(issuedlicenseList, { limit: 1000 })).licenses.map(toView) };
  }

  @Post()
  @Requires('security:manage')
  @Audits(fact('issued'))
  @Answers('Issues a licence', Issued, [201])
  async issue(
    @Body({ schema: Draft }) draft: z.infer<typeof Draft>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof Issued>> {
    const { license, licenseKey } = await this.bus.request(issuedlicenseCreate, { actor, ...draft });
    return { license: toView(license), licenseKey };
  }

  @Delete(':id')
  @Requires('security:manage')
  @Audits(fact('revoked'))
  @Answers('Takes a licence back', View)
  async revoke(
    @Param({ schema: ById }) { id }: z.infer<typeof ById>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof View>> {
    return toView(await this.bus.request(issuedlicenseRevoke, { actor, id }));
  }
}
