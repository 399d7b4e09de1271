import { Bus } from '@lapwing/bus';
import {
  Email,
  LapwingError,
  Password,
  Username,
  sessionCreate,
  sessionEnd,
  userRegister,
  type Actor,
} from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AuditedByAuth, Public, Requires } from '../../../../http/access.js';
import { Answers, isoTime } from '../../../../http/answer.js';
import { By, addressOf } from '../../../../http/caller.js';
import { isoSeconds } from '../../../../http/query.js';
import { Account, User, toAccount, toUser } from '../users.view.js';

const Login = z.object({
  username: z.string().min(1).max(256),
  password: z.string().min(1).max(1024),
  totp_code: z.string().max(64).nullable().default(null),
});
const Registration = z.object({ username: Username, password: Password, email: Email.default('') });
const Session = z.object({ token: z.string(), user: Account, expires_at: isoTime });

/** Tyto's login, logout and registration: sessions whose token goes into `Authorization: Bearer`. */
@Controller('api/v1/auth')
export class SessionController {
  constructor(private readonly bus: Bus) {}

  @Post('login')
  @HttpCode(200)
  @Public()
  @AuditedByAuth()
  @Answers('Logs in with user name and password', Session)
  async logIn(@Body({ schema: Login }) body: z.infer<typeof Login>, @Req() request: FastifyRequest) {
    const { username, password, totp_code: code } = body;
    const address = addressOf(request);
    const { token, user, expiresAt } = await this.bus.request(sessionCreate, { username, password, code, address });
    return { token, user: toAccount(user), expires_at: isoSeconds(expiresAt) };
  }

  @Post('logout')
  @HttpCode(204)
  @Requires('self')
  @AuditedByAuth()
  @Answers('Ends the session', z.undefined(), [204])
  async logOut(@By() actor: Actor): Promise<void> {
    const { sessionHash: hash, address } = actor;
    if (hash === null) throw new LapwingError('FORBIDDEN', 'an API token is deleted, not logged out');
    await this.bus.request(sessionEnd, { hash, address });
  }

  @Post('register')
  @Public({ isLogin: true })
  @AuditedByAuth()
  @Answers('Makes the caller a user, where that is switched on', User, [201])
  async register(
    @Body({ schema: Registration }) user: z.infer<typeof Registration>,
    @Req() request: FastifyRequest,
  ): Promise<z.infer<typeof User>> {
    return toUser(await this.bus.request(userRegister, { ...user, address: addressOf(request) }));
  }
}
