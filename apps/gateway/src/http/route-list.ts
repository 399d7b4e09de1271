import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { ACCESS, AUDIT, type Access, type AuditOf } from './access.js';

/** A route: what it answers to, who may use it, what it leaves in the audit trail, and which controller it belongs to. */
export interface Route {
  method: string;
  path: string;
  access: Access;
  audit: AuditOf | undefined;
  controller: string;
}

const READS = ['GET', 'HEAD', 'OPTIONS'];

/** Whether a request with this method changes nothing. */
export const isRead = (method: string): boolean => READS.includes(method);

/**
 * All routes of some controllers.
 * @throws Error when one of them does not declare who may use it, or changes something and does not declare how that is
 * audited: such a gateway must not start.
 */
export function routesOf(controllers: Type[]): Route[] {
  return controllers.flatMap((controller) => {
    const prefix = Reflect.getMetadata(PATH_METADATA, controller) as string;
    const methods = Object.getOwnPropertyNames(controller.prototype);
    return methods.flatMap((name): Route[] => {
      const handler = (controller.prototype as Record<string, object>)[name] as object;
      const requestMethod = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
      if (name === 'constructor' || requestMethod === undefined) return [];
      const method = RequestMethod[requestMethod] ?? '?';
      const access = Reflect.getMetadata(ACCESS, handler) as Access | undefined;
      const audit = Reflect.getMetadata(AUDIT, handler) as AuditOf | undefined;
      if (!access) throw new Error(`${controller.name}.${name} declares no access: add @Requires('…') or @Public()`);
      if (!isRead(method) && !audit)
        throw new Error(
          `${controller.name}.${name} changes something: add @Audits(…), @AuditedByAuth(), @AuditedByService() or @Unaudited()`,
        );
      const rest = Reflect.getMetadata(PATH_METADATA, handler) as string;
      const path = `/${[prefix, rest].join('/')}`.replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1');
      return [{ method, path, access, audit, controller: controller.name }];
    });
  });
}

/**
 * The routes as text, a line each, sorted by path. `(public)` stands after a permission that is only asked for when closed, `(key)` after one for which
 * a credential is only asked for while API keys are on.
 */
export function describeRoutes(routes: Route[]): string {
  const lines = routes
    .toSorted((a, b) => `${a.path} ${a.method}`.localeCompare(`${b.path} ${b.method}`))
    .map(({ method, path, access, controller }) =>
      [
        method.padEnd(6),
        path.padEnd(40),
        `${access.needs}${access.open ? '(public)' : ''}${access.whenKeyed ? '(key)' : ''}`.padEnd(24),
        controller,
      ].join(' '),
    );
  return `${lines.join('\n')}\n`;
}
