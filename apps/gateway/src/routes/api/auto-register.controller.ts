import { Bus } from '@lapwing/bus';
import { LapwingError, covers, nodeRegister, nodeTypes, type NodeDraft } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Public, Unaudited } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { actorOf, addressOf } from '../../http/caller.js';

const text = z.string().max(512);
const Registration = z.object({
  type: z.enum(nodeTypes),
  host: text.min(1),
  serverName: text.optional(),
  tokenId: text.optional(),
  tokenValue: text.optional(),
  /** SHA-256 of the certificate that the server shows. */
  fingerprint: text.optional(),
  username: text.optional(),
  password: text.optional(),
  setupCode: z.string().max(64).optional(),
  /** What older scripts call the code. */
  authToken: z.string().max(64).optional(),
});
const Registered = z.object({
  status: z.literal('success'),
  success: z.literal(true),
  message: z.string(),
  nodeId: z.string(),
});

/** A Proxmox server registers itself: with a setup code, or with the API token of somebody who may. Never without either. */
@Controller('api/auto-register')
export class AutoRegisterController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Public({ knowsCaller: true, isLogin: true })
  @Unaudited()
  @Answers('Takes in a node, or the new secret of one that is known', Registered)
  async register(
    @Body({ schema: Registration }) registration: z.infer<typeof Registration>,
    @Req() request: FastifyRequest,
  ): Promise<z.infer<typeof Registered>> {
    const { setupCode, authToken } = registration;
    const code = setupCode || authToken || null;
    const { caller } = request;
    // Whoever may do everything without a credential (AUTH_DISABLED, recovery) may not do this.
    if (code === null && !caller?.principal)
      throw new LapwingError('UNAUTHENTICATED', 'send a setup code, or an API token');
    if (code === null && caller && !covers(caller.permissions, 'nodes:manage'))
      throw new LapwingError('FORBIDDEN', 'this wants the permission "nodes:manage"');
    const { node, isNew } = await this.bus.request(nodeRegister, {
      draft: draftOf(registration),
      setupCode: code,
      actor: code === null ? actorOf(request) : null,
      address: addressOf(request),
    });
    const message = isNew ? `node ${node.name} was added` : `node ${node.name} has a new secret`;
    return { status: 'success', success: true, message, nodeId: node.id };
  }
}

function draftOf(registration: z.infer<typeof Registration>): NodeDraft {
  const { type, host, serverName, tokenId, tokenValue, fingerprint, username, password } = registration;
  return {
    type,
    host,
    ...(serverName && { name: serverName }),
    ...(username && { user: username }),
    ...(password && { password }),
    ...(tokenId && { tokenName: tokenId }),
    ...(tokenValue && { tokenValue }),
    ...(fingerprint && { fingerprint }),
    // The certificates of Proxmox are of an authority of its own: without a fingerprint nobody could vouch for them.
    verifySSL: Boolean(fingerprint),
  };
}
