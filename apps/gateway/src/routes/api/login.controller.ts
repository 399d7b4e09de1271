import { Bus } from '@lapwing/bus';
import { sessionCreate, sessionEnd } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AuditedByAuth, Public } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { addressOf } from '../../http/caller.js';
import { clearSessionCookies, setSessionCookies } from '../../http/sessions.js';

const Login = z.object({
  username: z.string().min(1).max(256),
  password: z.string().min(1).max(1024),
  totpCode: z.string().max(64).nullable().default(null),
});
const Done = z.object({ success: z.literal(true), message: z.string() });

/** Pulse's login and logout: sessions in cookies. */
@Controller('api')
export class LoginController {
  constructor(private readonly bus: Bus) {}

  @Post('login')
  @HttpCode(200)
  @Public()
  @AuditedByAuth()
  @Answers('Logs in with user name and password; the session comes as cookies', Done)
  async logIn(
    @Body({ schema: Login }) { username, password, totpCode: code }: z.infer<typeof Login>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof Done>> {
    const session = await this.bus.request(sessionCreate, { username, password, code, address: addressOf(request) });
    setSessionCookies(reply, session);
    return { success: true, message: 'logged in' };
  }

  @Post('logout')
  @HttpCode(200)
  @Public({ knowsCaller: true })
  @AuditedByAuth()
  @Answers('Ends the session, where there is one', Done)
  async logOut(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof Done>> {
    const principal = request.caller?.principal;
    const address = addressOf(request);
    if (principal?.kind === 'session') await this.bus.request(sessionEnd, { hash: principal.id, address });
    clearSessionCookies(reply);
    return { success: true, message: 'logged out' };
  }
}
