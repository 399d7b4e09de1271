import type { Certificate } from './certificate.js';
import type { Estate } from './estate.js';

/** What a route answers from. */
export interface Surroundings {
  readonly estate: Estate;
  /** Of Proxmox VE. */
  readonly version: '8' | '9';
  /** The node that is asked. */
  readonly local: string;
  /** What it shows now. */
  readonly certificate: Certificate;
}

/** What was asked. */
export interface Ask extends Surroundings {
  /** The parts of the path that are in braces in the route. */
  readonly parameters: Record<string, string>;
  readonly query: URLSearchParams;
}

/** Answers with what goes under `data`. */
export type Handler = (ask: Ask) => unknown;
/** Routes by path below `/api2/json`, e.g. `/nodes/{n}/status`. All are of GET. */
export type Routes = Record<string, Handler>;

/** An answer that is no success, in the form of Proxmox. */
export class ProxmoxError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** What is wrong with which parameter. */
    readonly errors?: Record<string, string>,
  ) {
    super(message);
  }
}

/** An answer with more beside `data`. */
export class Enveloped {
  constructor(
    readonly data: unknown,
    readonly more: Record<string, unknown>,
  ) {}
}

/** A route that was found. */
export interface Match {
  /** Its path with braces. */
  readonly route: string;
  readonly handler: Handler;
  readonly parameters: Record<string, string>;
}

/** Finds routes by path. */
export class Router {
  readonly #byLength = new Map<number, { route: string; parts: string[]; handler: Handler }[]>();

  constructor(routes: Routes) {
    for (const [route, handler] of Object.entries(routes)) {
      const parts = route.split('/');
      const sameLength = this.#byLength.get(parts.length) ?? [];
      this.#byLength.set(parts.length, [...sameLength, { route, parts, handler }]);
    }
  }

  /** @param path below `/api2/json`, without its query. */
  find(path: string): Match | undefined {
    const asked = path.split('/');
    for (const { route, parts, handler } of this.#byLength.get(asked.length) ?? []) {
      const parameters = match(parts, asked);
      if (parameters) return { route, handler, parameters };
    }
    return undefined;
  }
}

function match(parts: string[], asked: string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const value = asked[index] ?? '';
    if (part.startsWith('{')) parameters[part.slice(1, -1)] = decode(value);
    else if (part !== value) return undefined;
  }
  return parameters;
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new ProxmoxError(400, 'Bad Request');
  }
}
