import { Bus } from '@lapwing/bus';
import { oidcBegin, oidcFinish } from '@lapwing/contracts';
import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Public } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { addressOf } from '../../../http/caller.js';
import { optionsFor, setSessionCookies } from '../../../http/sessions.js';

const BINDING = 'lapwing_oidc';
const SECONDS = 600;

/** Login at the OpenID provider: there and back again. */
@Controller('api/oidc')
export class OidcController {
  constructor(private readonly bus: Bus) {}

  @Get('login')
  @Public({ isLogin: true })
  @Answers('Sends the browser to the OpenID provider', z.undefined(), [302])
  async begin(@Res() reply: FastifyReply): Promise<void> {
    const { url, binding } = await this.bus.request(oidcBegin, {});
    reply.setCookie(BINDING, binding, { ...optionsFor(reply), path: '/api/oidc', httpOnly: true, maxAge: SECONDS });
    await reply.redirect(url, 302);
  }

  @Get('callback')
  @Public({ isLogin: true })
  @Answers('Where the provider sends the browser back to; logged in, it goes to the first page', z.undefined(), [302])
  async finish(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const query = request.url.slice(request.url.indexOf('?') + 1);
    const binding = request.cookies[BINDING] ?? '';
    const session = await this.bus.request(oidcFinish, { query, binding, address: addressOf(request) });
    reply.clearCookie(BINDING, { ...optionsFor(reply), path: '/api/oidc' });
    setSessionCookies(reply, session);
    await reply.redirect('/', 302);
  }
}
