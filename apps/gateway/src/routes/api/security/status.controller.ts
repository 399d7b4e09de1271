import { Controller, Get, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../../config.js';
import { Public } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { addressOf, isNear } from '../../../http/caller.js';
import { needsNoCredential } from '../../../http/unprotected-export.js';
import { PrincipalsService } from '../../../services/principals.service.js';

const Status = z.object({
  requiresAuth: z.boolean(),
  hasAuthentication: z.boolean(),
  apiTokenConfigured: z.boolean(),
  apiTokenHint: z.string().describe('empty for callers who are not logged in'),
  exportProtected: z.boolean().describe('whether this caller needs a credential to export or import'),
  unprotectedExportAllowed: z.boolean().describe('whether it needs none, from where it is'),
  hasAuditLogging: z.boolean(),
  credentialsEncrypted: z.boolean(),
  hasHTTPS: z.boolean(),
  clientIP: z.string(),
  isPrivateNetwork: z.boolean(),
  publicAccess: z.boolean(),
  authUsername: z.string().describe('empty for callers who are not logged in'),
  oidcEnabled: z.boolean(),
  registrationEnabled: z.boolean(),
  recoveryMode: z.boolean(),
  disabled: z.boolean(),
});

/** Pulse's security status: how the server is protected, for a login page. */
@Controller('api/security/status')
export class SecurityStatusController {
  constructor(
    private readonly principals: PrincipalsService,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  @Get()
  @Public({ knowsCaller: true })
  @Answers('How the server is protected', Status)
  async get(@Req() request: FastifyRequest): Promise<z.infer<typeof Status>> {
    const state = await this.principals.state();
    const disabled = this.config.AUTH_DISABLED;
    const { principal } = request.caller ?? {};
    const configured = state.users || state.tokens || state.oidcIssuer !== null;
    const near = isNear(request);
    const unprotected = disabled || needsNoCredential(request, this.config);
    return {
      requiresAuth: !disabled,
      hasAuthentication: configured && !disabled,
      apiTokenConfigured: state.tokens,
      apiTokenHint: principal ? (state.tokenHint ?? '') : '',
      exportProtected: !unprotected,
      unprotectedExportAllowed: unprotected,
      hasAuditLogging: true,
      credentialsEncrypted: true,
      hasHTTPS: request.protocol === 'https',
      clientIP: addressOf(request),
      isPrivateNetwork: near,
      publicAccess: !near,
      authUsername: principal?.name ?? '',
      oidcEnabled: state.oidcIssuer !== null,
      registrationEnabled: state.registration,
      recoveryMode: state.recoveryUntil !== null && state.recoveryUntil > Date.now(),
      disabled,
    };
  }
}
