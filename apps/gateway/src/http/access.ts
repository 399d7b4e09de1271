import { SetMetadata, applyDecorators, type CustomDecorator } from '@nestjs/common';
import type { AuditFact } from '@lapwing/contracts';
import type { FastifyRequest } from 'fastify';

/** The metadata under which a route's access is kept, and what it leaves in the audit trail. */
export const ACCESS = 'lapwing:access';
export const AUDIT = 'lapwing:audit';

/** What a route may ask for beside a permission. */
export interface AccessOptions {
  /** The credential may come as `?token=`, for clients that can send no header. */
  tokenInQuery?: boolean;
  /** Readable without a credential while there are API tokens and no users. Never for what holds secrets. */
  inApiOnlyMode?: boolean;
  /** A public route that wants to know who asks, where somebody is known. */
  knowsCaller?: boolean;
  /** Not counted by any limit: for probes. */
  unlimited?: boolean;
  /**
   * The body is no JSON, and a session cookie needs no CSRF token beside it: the controller looks at where the page came from itself. For
   * sockets only.
   */
  ownForm?: boolean;
  /** Counted as an attempt to log in, ten a minute, beside the general limit. */
  isLogin?: boolean;
  /** Counted as a trial of notifications, ten a minute, beside the general limit. */
  isTrial?: boolean;
  /** Counted as a check of a licence key, ten a minute, beside the general limit. */
  isLicense?: boolean;
  /**
   * Carries the configuration away or brings it: counted as such, five a minute, beside the general limit; and whoever has no credential may, too,
   * where unprotected-export.ts lets him.
   */
  isTransfer?: boolean;
  /** Bytes of the body at most, where that is more than GATEWAY_BODY_LIMIT. */
  bodyLimit?: number;
}

/** Who may use a route. */
export interface Access extends AccessOptions {
  /**
   * A permission; `self` for whoever is known; `public` for everyone; `loopback` for callers on the server itself.
   */
  needs: string;
  /** Whether the permission is only asked for when home-security reads are closed. */
  open?: boolean;
  /** Whether a credential is only asked for while the setting `apiKeyEnabled` is on. */
  whenKeyed?: boolean;
}

/** The holders of this permission (`resource:action`) may use the route; `self`: whoever is known. */
export const Requires = (permission: string, options: AccessOptions = {}): CustomDecorator =>
  SetMetadata<string, Access>(ACCESS, { ...options, needs: permission });

/** Anyone may use the route, without a credential. */
export const Public = (options: AccessOptions = {}): CustomDecorator =>
  SetMetadata<string, Access>(ACCESS, { ...options, needs: 'public' });

/** Anyone may read it, unless HSI_READS_REQUIRE_AUTH closes it: then holders of this permission. */
export const OpenRead = (permission: string): CustomDecorator =>
  SetMetadata<string, Access>(ACCESS, { needs: permission, open: true });

/**
 * Holders of this permission may use it. While the setting `apiKeyEnabled` is off nobody needs a credential, except pages of other sites, which may
 * not use it at all.
 */
export const ApiKeyWrite = (permission: string): CustomDecorator =>
  SetMetadata<string, Access>(ACCESS, { needs: permission, whenKeyed: true });

/** Only callers on the server itself may use the route, without a credential. */
export const LoopbackOnly = (): CustomDecorator => SetMetadata<string, Access>(ACCESS, { needs: 'loopback' });

/** What a route that changes something leaves in the audit trail when it succeeded. */
export type AuditOf = 'auth' | 'service' | 'nothing' | ((request: FastifyRequest) => AuditFact);

/** The gateway tells the audit trail what was done. */
export const Audits = (fact: (request: FastifyRequest) => AuditFact): CustomDecorator =>
  SetMetadata<string, AuditOf>(AUDIT, fact);

/** The service `auth` tells it itself, in the transaction of the change. */
export const AuditedByAuth = (): MethodDecorator => applyDecorators(SetMetadata<string, AuditOf>(AUDIT, 'auth'));

/** The service that does it tells it itself, with what came of it. */
export const AuditedByService = (): MethodDecorator => applyDecorators(SetMetadata<string, AuditOf>(AUDIT, 'service'));

/** Leaves nothing in the audit trail: for what agents send by themselves, over and over. */
export const Unaudited = (): MethodDecorator => applyDecorators(SetMetadata<string, AuditOf>(AUDIT, 'nothing'));
