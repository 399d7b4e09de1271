import { Bus } from '@lapwing/bus';
import { configApply, lockoutReset, recoverySet, type Actor } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AuditedByAuth, LoopbackOnly, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By, addressOf } from '../../../http/caller.js';
import { isoSeconds } from '../../../http/query.js';
import { PrincipalsService } from '../../../services/principals.service.js';

const Lockout = z.object({ identifier: z.string().trim().min(1, 'a user name or an address').max(256) });
const Recovery = z.object({ action: z.enum(['disable_auth', 'enable_auth']) });
const Done = z.object({ success: z.literal(true), message: z.string() });
const Applied = Done.extend({ restarting: z.boolean() });
const RecoveryState = z.object({ recovery_mode: z.boolean(), message: z.string() });

/** Pulse's administration of security: locks, restart, recovery. */
@Controller('api/security')
export class AdministrationController {
  constructor(
    private readonly bus: Bus,
    private readonly principals: PrincipalsService,
  ) {}

  @Post('reset-lockout')
  @HttpCode(200)
  @Requires('security:manage')
  @AuditedByAuth()
  @Answers('Lifts the lock of a user name or an address', Done)
  async resetLockout(@Body({ schema: Lockout }) { identifier }: z.infer<typeof Lockout>, @By() actor: Actor) {
    await this.bus.request(lockoutReset, { actor, identifier });
    return { success: true, message: 'not locked (any more)' };
  }

  @Post('apply-restart')
  @HttpCode(200)
  @Requires('security:manage')
  @AuditedByAuth()
  @Answers('Applies the security settings; services that are set up so restart', Applied)
  async apply(@By() actor: Actor) {
    const { restarting } = await this.bus.request(configApply, { actor });
    const message = restarting
      ? 'applied; the services restart now'
      : 'applied; settings of the environment want a restart, which RESTART_ON_APPLY=true would do';
    return { success: true, message, restarting };
  }

  @Get('recovery')
  @LoopbackOnly()
  @Answers('Whether recovery mode is on', RecoveryState)
  async recovery(): Promise<z.infer<typeof RecoveryState>> {
    const { recoveryUntil } = await this.principals.state();
    const on = recoveryUntil !== null && recoveryUntil > Date.now();
    return {
      recovery_mode: on,
      message: on
        ? `callers on the server itself need no credential until ${isoSeconds(recoveryUntil)}`
        : 'recovery mode is off',
    };
  }

  @Post('recovery')
  @HttpCode(200)
  @LoopbackOnly()
  @AuditedByAuth()
  @Answers('Switches recovery mode on, for 15 minutes, or off', Done)
  async setRecovery(@Body({ schema: Recovery }) { action }: z.infer<typeof Recovery>, @Req() request: FastifyRequest) {
    const on = action === 'disable_auth';
    const { recoveryUntil } = await this.bus.request(recoverySet, { on, address: addressOf(request) });
    const message = recoveryUntil
      ? `callers on the server itself need no credential until ${isoSeconds(recoveryUntil)}`
      : 'recovery mode is off';
    return { success: true, message };
  }
}
