import type { OutputOf, sessionCreate } from '@lapwing/contracts';
import type { FastifyReply } from 'fastify';
import { CSRF_COOKIE, SESSION_COOKIE } from './credential.js';

/** Gives a browser its session. */
export function setSessionCookies(reply: FastifyReply, session: OutputOf<typeof sessionCreate>): void {
  const common = optionsFor(reply);
  const expires = new Date(session.expiresAt);
  reply.setCookie(SESSION_COOKIE, session.token, { ...common, httpOnly: true, expires });
  reply.setCookie(CSRF_COOKIE, session.csrf, { ...common, httpOnly: false, expires });
}

/** Takes it away. */
export function clearSessionCookies(reply: FastifyReply): void {
  reply.clearCookie(SESSION_COOKIE, optionsFor(reply)).clearCookie(CSRF_COOKIE, optionsFor(reply));
}

/** What all our cookies have: `Secure` where the browser came over https, also by way of a trusted proxy. */
export function optionsFor(reply: FastifyReply) {
  return { path: '/', sameSite: 'lax' as const, secure: reply.request.protocol === 'https' };
}
