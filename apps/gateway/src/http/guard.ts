import { LapwingError, addressBlock, covers } from '@lapwing/contracts';
import { PayloadTooLargeException, UnsupportedMediaTypeException } from '@nestjs/common';
import { timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayConfig } from '../config.js';
import type { AuditService } from '../services/audit.service.js';
import type { LimitsService } from '../services/limits.service.js';
import type { OpenWritesService } from '../services/open-writes.service.js';
import type { PrincipalsService } from '../services/principals.service.js';
import type { Access } from './access.js';
import { actorOf, addressOf, anonymous, counted, isFromLoopback, type Caller } from './caller.js';
import { credentialOf, hashOf } from './credential.js';
import { isForeign, refuseForeignPages } from './loopback.js';
import { refuseAnonymousPages } from './origin.js';
import { isRead, type Route } from './route-list.js';
import { unprotectedExporter } from './unprotected-export.js';

/** What the guard asks. */
export interface GuardParts {
  principals: PrincipalsService;
  limits: LimitsService;
  audit: AuditService;
  openWrites: OpenWritesService;
}

/**
 * A body that is too large is let run out as far as this, so that its sender reads why it was refused; of a larger one the connection is cut.
 */
const MAX_DRAINED = 2 ** 25;

/** What everybody may see while there are API tokens and no users. */
const API_ONLY = ['dashboard:view', 'alerts:view', 'nodes:view'];
/** Routes that are not our controllers' and public: the description of the API. */
const DOCUMENTS = /^\/api\/(docs|openapi\.json)/;

/**
 * Stands before every route: nobody passes whose right to do so is not known. It runs before the body is read.
 */
export class Guard {
  readonly #routes: Map<string, Route>;

  constructor(
    private readonly parts: GuardParts,
    private readonly config: GatewayConfig,
    routes: Route[],
  ) {
    this.#routes = new Map(routes.map((route) => [`${route.method} ${route.path}`, route]));
  }

  /** The route that a request leads to; undefined for a path that nobody declared. */
  routeOf(request: FastifyRequest): Route | undefined {
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    return this.#routes.get(`${method} ${(request.routeOptions.url ?? '').replace(/(.)\/$/, '$1')}`);
  }

  /** Lets a request pass, with its caller; throws `LapwingError` when it may not. */
  async pass(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const access = this.#accessOf(request);
    this.#checkForm(request, access);
    if (access?.unlimited) return;
    let refusal: unknown;
    const caller = await this.#caller(request, access).catch((error: unknown) => {
      refusal = error;
      return null;
    });
    // Whoever is refused is counted, too.
    await this.#limit(request, reply, access, caller);
    if (refusal !== undefined) throw refusal;
    request.caller = caller;
    if (access) this.#authorize(request, access, caller);
  }

  #accessOf(request: FastifyRequest): Access | undefined {
    const access = this.routeOf(request)?.access;
    if (access?.open) return { ...access, needs: this.config.HSI_READS_REQUIRE_AUTH ? access.needs : 'public' };
    if (access || request.routeOptions.url === undefined) return access;
    if (DOCUMENTS.test(request.routeOptions.url)) return { needs: 'public' };
    throw new LapwingError('FORBIDDEN', 'this route declares no access');
  }

  /** Refuses what no client of ours sends and a page of another site could. */
  #checkForm(request: FastifyRequest, access: Access | undefined): void {
    if (this.config.listensOnLoopback) refuseForeignPages(request, this.config.GATEWAY_ALLOWED_HOSTS);
    const type = request.headers['content-type'];
    if (!isRead(request.method) && !access?.ownForm && type !== undefined && !/^application\/json *(;|$)/i.test(type))
      throw new UnsupportedMediaTypeException('the body must be application/json');
    const limit = Math.max(this.config.GATEWAY_BODY_LIMIT, access?.bodyLimit ?? 0);
    const length = Number(request.headers['content-length'] ?? 0);
    if (length > limit && length <= MAX_DRAINED)
      throw new PayloadTooLargeException(`the body may have at most ${limit} bytes`);
  }

  async #caller(request: FastifyRequest, access: Access | undefined): Promise<Caller | null> {
    const wantsToKnow = access !== undefined && (access.needs !== 'public' || access.knowsCaller === true);
    if (!wantsToKnow || access.needs === 'loopback') return null;
    if (this.config.AUTH_DISABLED) return this.#open(request);
    const credential = credentialOf(request, access.tokenInQuery === true);
    const isPublic = access.needs === 'public';
    if (credential) {
      const address = addressOf(request);
      await this.parts.limits.guessing(address, credential.hash);
      const principal = await this.parts.principals
        .resolve(credential.hash)
        .catch((error: unknown) => (isPublic ? null : Promise.reject(error as Error)));
      if (principal) {
        const { name, permissions } = principal;
        const caller: Caller = { principal, ...credential, name, permissions };
        if (!access.ownForm) this.#checkCsrf(request, caller);
        return caller;
      }
      await this.parts.limits.guessed(address);
      if (!credential.byCookie && !isPublic) throw new LapwingError('UNAUTHENTICATED', 'this token is not valid');
    }
    return isPublic ? null : this.#withoutCredential(request, access);
  }

  /** Whoever has no credential: nobody, except in recovery mode, in API-only mode, and where API keys are switched off. */
  async #withoutCredential(request: FastifyRequest, access: Access): Promise<Caller> {
    const state = await this.parts.principals.state().catch(() => undefined);
    if (state?.recoveryUntil && state.recoveryUntil > Date.now() && isFromLoopback(request) && !isForeign(request))
      return anonymous('recovery', ['*']);
    if (state && !state.users && state.tokens && access.inApiOnlyMode && (isRead(request.method) || access.ownForm))
      return anonymous('anonymous', API_ONLY);
    if (access.whenKeyed && (await this.parts.openWrites.areOpen())) {
      refuseAnonymousPages(request, this.config);
      return anonymous('anonymous', [access.needs]);
    }
    const exporter = access.isTransfer ? unprotectedExporter(request, this.config) : undefined;
    if (exporter) return exporter;
    throw new LapwingError('UNAUTHENTICATED');
  }

  #open(request: FastifyRequest): Caller {
    refuseForeignPages(request, ['*']);
    return anonymous('anonymous', ['*']);
  }

  #checkCsrf(request: FastifyRequest, { byCookie, principal }: Caller): void {
    if (!byCookie || isRead(request.method)) return;
    const sent = request.headers['x-csrf-token'];
    const expected = principal?.csrfHash;
    const given = hashOf(typeof sent === 'string' ? sent : '');
    if (!expected || !timingSafeEqual(Buffer.from(given, 'hex'), Buffer.from(expected, 'hex')))
      throw new LapwingError('CSRF_INVALID');
  }

  async #limit(
    request: FastifyRequest,
    reply: FastifyReply,
    access: Access | undefined,
    caller: Caller | null,
  ): Promise<void> {
    const block = addressBlock(addressOf(request));
    if (access?.isLogin) await this.parts.limits.login(block);
    const verdict = await this.parts.limits.general(counted(caller) ?? block);
    reply.header('x-ratelimit-limit', verdict.limit);
    reply.header('x-ratelimit-remaining', verdict.remaining);
    reply.header('x-ratelimit-reset', Math.ceil(Math.max(verdict.retryAfterMs, verdict.resetMs) / 1000));
    if (!verdict.allowed) throw new LapwingError('RATE_LIMITED', undefined, { ...verdict });
    if (access?.isTrial) await this.parts.limits.trial(counted(caller) ?? block);
    if (access?.isTransfer) await this.parts.limits.transfer(counted(caller) ?? block);
    if (access?.isLicense) await this.parts.limits.license(counted(caller) ?? block);
  }

  #authorize(request: FastifyRequest, access: Access, caller: Caller | null): void {
    if (access.needs === 'public') return;
    if (access.needs === 'loopback') {
      if (!this.config.recovery || !isFromLoopback(request) || isForeign(request))
        throw new LapwingError('FORBIDDEN', 'only for callers on the server itself, and not through a proxy');
      return;
    }
    if (!caller) throw new LapwingError('UNAUTHENTICATED');
    if (access.needs === 'self' || covers(caller.permissions, access.needs)) return;
    this.parts.audit.denied(actorOf(request), `${request.method} ${request.routeOptions.url ?? ''}`, access.needs);
    throw new LapwingError('FORBIDDEN', `this wants the permission "${access.needs}"`);
  }
}
