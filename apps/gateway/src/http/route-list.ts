import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { ACCESS } from './access.js';

/** A route: what it answers to, who may use it, and which controller it belongs to. */
export interface Route {
  method: string;
  path: string;
  permission: string;
  controller: string;
}

/**
 * All routes of some controllers.
 * @throws Error when one of them does not declare who may use it: such a gateway must not start.
 */
export function routesOf(controllers: Type[]): Route[] {
  return controllers.flatMap((controller) => {
    const prefix = Reflect.getMetadata(PATH_METADATA, controller) as string;
    const methods = Object.getOwnPropertyNames(controller.prototype);
    return methods.flatMap((name): Route[] => {
      const handler = (controller.prototype as Record<string, object>)[name] as object;
      const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
      if (name === 'constructor' || method === undefined) return [];
      const permission = Reflect.getMetadata(ACCESS, handler) as string | undefined;
      if (!permission)
        throw new Error(`${controller.name}.${name} declares no access: add @Requires('…') or @Public()`);
      const rest = Reflect.getMetadata(PATH_METADATA, handler) as string;
      const path = `/${[prefix, rest].join('/')}`.replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1');
      return [{ method: RequestMethod[method] ?? '?', path, permission, controller: controller.name }];
    });
  });
}

/** The routes as text, a line each, sorted by path. */
export function describeRoutes(routes: Route[]): string {
  const lines = routes
    .toSorted((a, b) => `${a.path} ${a.method}`.localeCompare(`${b.path} ${b.method}`))
    .map(({ method, path, permission, controller }) =>
      [method.padEnd(6), path.padEnd(40), permission.padEnd(20), controller].join(' '),
    );
  return `${lines.join('\n')}\n`;
}
