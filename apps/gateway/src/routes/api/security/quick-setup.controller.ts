import { Bus } from '@lapwing/bus';
import { setupCreate } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Inject, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../../config.js';
import { AuditedByAuth, Public } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { addressOf, isHostLiteral, isNear } from '../../../http/caller.js';

const Setup = z.object({
  username: z.string().max(256),
  password: z.string().max(1024),
  generateApiToken: z.boolean().default(false),
});
const Done = z.object({
  success: z.literal(true),
  message: z.string(),
  apiToken: z.string().optional().describe('shown here only'),
});

/** Pulse's first-time setup: the first administrator. */
@Controller('api/security/quick-setup')
export class SetupController {
  constructor(
    private readonly bus: Bus,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  @Post()
  @HttpCode(200)
  @Public({ isLogin: true })
  @AuditedByAuth()
  @Answers('Makes the first administrator, while there is no user', Done)
  async create(
    @Body({ schema: Setup }) { username, password, generateApiToken: withToken }: z.infer<typeof Setup>,
    @Req() request: FastifyRequest,
  ): Promise<z.infer<typeof Done>> {
    const token = request.headers['x-bootstrap-token'];
    const { apiToken } = await this.bus.request(setupCreate, {
      username,
      password,
      withToken,
      // Under a name that is not ours, a page of another site could be asking in the browser of somebody near.
      near:
        isNear(request) &&
        (isHostLiteral(request.host) || this.config.GATEWAY_ALLOWED_HOSTS.includes(request.hostname)),
      bootstrapToken: typeof token === 'string' ? token.slice(0, 256) : null,
      address: addressOf(request),
    });
    return {
      success: true,
      message: `the administrator "${username}" can log in now`,
      ...(apiToken !== null && { apiToken }),
    };
  }
}
