import type { FastifyRequest } from 'fastify';

const MAX = 300;

/** The names of what a request changes, for the audit trail. */
export function bodyKeys(request: FastifyRequest): string {
  return Object.keys(request.body ?? {})
    .join(', ')
    .slice(0, MAX);
}

/** A field of a request's body as text; empty where there is none. */
export function bodyText(request: FastifyRequest, name: string): string {
  const value = (request.body as Record<string, unknown> | null | undefined)?.[name];
  const text = typeof value === 'string' ? value : (JSON.stringify(value ?? undefined) ?? '');
  return text.slice(0, MAX);
}

/** A parameter of a request's path. */
export function pathText(request: FastifyRequest, name: string): string {
  return ((request.params as Record<string, string | undefined>)[name] ?? '').slice(0, MAX);
}
