import { Bus } from '@lapwing/bus';
import {
  Email,
  LapwingError,
  Password,
  passwordChange,
  profileUpdate,
  totpBegin,
  totpDisable,
  totpEnable,
  totpGet,
  type Actor,
} from '@lapwing/contracts';
import { Body, Controller, Delete, Get, HttpCode, Post, Put, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AuditedByAuth, Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { By } from '../../../../http/caller.js';
import { Account, toAccount } from '../users.view.js';

const given = z.string().min(1).max(1024);
const FIXED = ['id', 'username', 'roles', 'permissions', 'auth_provider', 'disabled'];
const Profile = z.looseObject({ email: Email.optional() }).superRefine((body, context) => {
  for (const name of FIXED.filter((one) => one in body))
    context.addIssue({ code: 'custom', path: [name], message: 'nobody can change this of themselves' });
});
const PasswordChange = z.object({ current_password: given, new_password: Password });
const Confirmation = z.object({ password: given });
const FirstCode = z.object({ code: z.string().min(1).max(64) });
const Totp = z.object({ enabled: z.boolean(), recovery_codes_left: z.int() });
const NewTotp = z.object({
  secret: z.string().describe('Base32'),
  uri: z.string().describe('otpauth:// for an authenticator app'),
});
const RecoveryCodes = z.object({ recovery_codes: z.array(z.string()) });

/** Tyto's own account, and the second factor of it. */
@Controller('api/v1/auth/me')
export class MeController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('self')
  @Answers('Who the caller is, and may do', Account)
  get(@Req() { caller }: FastifyRequest): z.infer<typeof Account> {
    if (!caller) throw new LapwingError('UNAUTHENTICATED');
    const { principal, name, permissions } = caller;
    if (principal?.user) return toAccount(principal.user);
    const id = principal?.id ?? name;
    const rest = { email: '', roles: [], auth_provider: 'token' as const, last_login: null };
    return { id, username: name, permissions: [...permissions], ...rest };
  }

  @Put()
  @Requires('self')
  @AuditedByAuth()
  @Answers('Changes the own address', Account)
  async update(@Body({ schema: Profile }) { email }: z.infer<typeof Profile>, @By() actor: Actor) {
    return toAccount(await this.bus.request(profileUpdate, { actor, ...(email !== undefined && { email }) }));
  }

  @Put('password')
  @HttpCode(204)
  @Requires('self', { isLogin: true })
  @AuditedByAuth()
  @Answers('Changes the own password; all other sessions end', z.undefined(), [204])
  async changePassword(
    @Body({ schema: PasswordChange }) { current_password: current, new_password: next }: z.infer<typeof PasswordChange>,
    @By() actor: Actor,
  ): Promise<void> {
    await this.bus.request(passwordChange, { actor, current, next });
  }

  @Get('totp')
  @Requires('self')
  @Answers('Whether the account has a second factor', Totp)
  async totp(@By() actor: Actor): Promise<z.infer<typeof Totp>> {
    const { enabled, recoveryCodesLeft } = await this.bus.request(totpGet, { actor });
    return { enabled, recovery_codes_left: recoveryCodesLeft };
  }

  @Post('totp')
  @HttpCode(200)
  @Requires('self', { isLogin: true })
  @AuditedByAuth()
  @Answers('Begins with a second factor, which counts once a code was verified', NewTotp)
  beginTotp(@Body({ schema: Confirmation }) { password }: z.infer<typeof Confirmation>, @By() actor: Actor) {
    return this.bus.request(totpBegin, { actor, password });
  }

  @Post('totp/verify')
  @HttpCode(200)
  @Requires('self', { isLogin: true })
  @AuditedByAuth()
  @Answers('Verifies the first code; the recovery codes are shown here only', RecoveryCodes)
  async enableTotp(@Body({ schema: FirstCode }) { code }: z.infer<typeof FirstCode>, @By() actor: Actor) {
    return { recovery_codes: (await this.bus.request(totpEnable, { actor, code })).recoveryCodes };
  }

  @Delete('totp')
  @HttpCode(204)
  @Requires('self', { isLogin: true })
  @AuditedByAuth()
  @Answers('Takes the second factor away', z.undefined(), [204])
  async disableTotp(
    @Body({ schema: Confirmation }) of: z.infer<typeof Confirmation>,
    @By() actor: Actor,
  ): Promise<void> {
    await this.bus.request(totpDisable, { actor, of });
  }
}
