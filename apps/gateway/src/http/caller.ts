import { LapwingError, addressBlock, type Actor, type Principal } from '@lapwing/contracts';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { isIPv6 } from 'node:net';

/** Whoever sent a request. */
export interface Caller {
  /** The principal behind the credential; null for a caller without one. */
  principal: Principal | null;
  /** The hash of the credential, where there is one. */
  hash: string | null;
  /** Whether it came as a cookie. */
  byCookie: boolean;
  name: string;
  permissions: readonly string[];
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whoever sent the request; null on public routes that do not want to know. */
    caller: Caller | null;
  }
}

/** Somebody without a credential. */
export function anonymous(name: string, permissions: readonly string[]): Caller {
  return { principal: null, hash: null, byCookie: false, name, permissions };
}

/** The address of the client: the socket's, or what trusted proxies say. IPv4 in IPv6 clothes is IPv4. */
export function addressOf(request: Pick<FastifyRequest, 'ip'>): string {
  return request.ip.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/** The caller as services want to know it. Throws `UNAUTHENTICATED` when there is none. */
export function actorOf(request: FastifyRequest): Actor {
  const { caller } = request;
  if (!caller) throw new LapwingError('UNAUTHENTICATED');
  const { principal, name, permissions } = caller;
  return {
    name,
    userId: principal?.userId ?? null,
    sessionHash: principal?.kind === 'session' ? principal.id : null,
    permissions: [...permissions],
    address: addressOf(request),
  };
}

/** Whose requests count together: all sessions of a user, or those with one API token. Undefined for a caller without a credential. */
export function counted(caller: Caller | null): string | undefined {
  const { principal } = caller ?? {};
  if (!principal) return undefined;
  return principal.kind === 'session' ? `user:${principal.userId}` : `token:${principal.id}`;
}

/** Parameter: under which name a request is counted, see {@link counted}; without a credential the client's address. */
export const CountedAs = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return counted(request.caller) ?? addressBlock(addressOf(request));
});

/** Parameter: the {@link Actor} of the request. */
export const By = createParamDecorator((_: unknown, context: ExecutionContext) =>
  actorOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** Parameter: the API token with which the request came; null for a user, and for nobody. */
export const ByToken = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  const principal = caller?.principal;
  return principal?.kind === 'token' ? { id: principal.id, name: principal.name.replace(/^token:/, '') } : null;
});

/** Parameter: the address of the client. */
export const From = createParamDecorator((_: unknown, context: ExecutionContext) =>
  addressOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1)$/;
/** Literally as documented: 172.16.x.x and not more, since bridges of containers live in 172.17 and above. */
const PRIVATE = /^(10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.16\.\d+\.\d+)$/;
/** Headers by which proxies say that they are between. */
const FORWARDING =
  /^(x-forwarded-.*|x-original-forwarded-for|x-real-ip|forwarded|via|cf-connecting-ip|true-client-ip|x-client-ip|x-cluster-client-ip|fly-client-ip)$/;
const isForwarded = ({ headers }: FastifyRequest): boolean =>
  Object.keys(headers).some((name) => FORWARDING.test(name));

/** Whether a request came from this machine itself, and not through a proxy on it. */
export function isFromLoopback(request: FastifyRequest): boolean {
  const peer = (request.socket.remoteAddress ?? '').replace(/^::ffff:/i, '');
  return LOOPBACK.test(peer) && !isForwarded(request);
}

/** Whether a request came from this machine or a private network, as far as that can be known. */
export function isNear(request: FastifyRequest): boolean {
  const address = addressOf(request);
  const behindUnknown = request.ips === undefined || request.ips.length < 2;
  if (behindUnknown && isForwarded(request)) return false;
  return LOOPBACK.test(address) || PRIVATE.test(address);
}

/** Whether the Host header is an address, or this machine: no name that somebody else could have pointed here. */
export function isHostLiteral(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '');
  return /^(\d{1,3}\.){3}\d{1,3}$/.test(name) || name === 'localhost' || isIPv6(name.replace(/^\[|\]$/g, ''));
}
