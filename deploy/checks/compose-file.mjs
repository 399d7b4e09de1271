// Compose files as Docker reads them: merge keys and variables resolved, in plain objects.
import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/**
 * What checks and tests look at in a service.
 * @typedef {object} ComposeService
 * @property {string} [image]
 * @property {{ context?: string, target?: string, args?: Record<string, string> }} [build]
 * @property {string[]} [command]
 * @property {Record<string, string | number>} [environment]
 * @property {string} [user]
 * @property {boolean} [read_only]
 * @property {boolean} [privileged]
 * @property {string[]} [cap_drop]
 * @property {string[]} [cap_add]
 * @property {string[]} [security_opt]
 * @property {string} [restart]
 * @property {string} [network_mode]
 * @property {string[]} [networks]
 * @property {string[]} [ports]
 * @property {(string | { type: string, source: string, target: string, read_only?: boolean })[]} [volumes]
 * @property {Record<string, { condition: string }>} [depends_on]
 * @property {{ test: string[] }} [healthcheck]
 * @property {string} [mem_limit]
 * @property {number} [pids_limit]
 * @property {{ driver?: string, options?: Record<string, string> }} [logging]
 * @property {string[]} [profiles]
 */

/**
 * A Compose file.
 * @typedef {object} ComposeFile
 * @property {Record<string, ComposeService>} services
 * @property {Record<string, { internal?: boolean } | null>} [networks]
 * @property {Record<string, object | null>} [volumes]
 */

/** The files of the repository, below its root. */
export const composeFiles = ['docker-compose.yml', 'deploy/docker/compose.dev.yml'];

/**
 * A file with its merge keys resolved, and its variables as they stand there.
 * @param {string} root
 * @param {string} file
 * @returns {ComposeFile}
 */
export function readCompose(root, file) {
  return parse(fs.readFileSync(path.join(root, file), 'utf8'), { merge: true });
}

/**
 * The names of all variables in a text, with their defaults.
 * @param {string} text
 */
export function variablesIn(text) {
  return [...text.replaceAll('$$', '').matchAll(/\$\{([A-Z][A-Z0-9_]*)(?::?([-?])([^{}]*))?\}/g)].map(
    ([, name = '', kind, rest = '']) => ({ name, fallback: kind === '-' ? rest : undefined }),
  );
}

/**
 * What `.env` says, as Compose reads it as far as it is used here: names and values, without quotes.
 * @param {string} file
 */
export function readEnvironment(file) {
  const lines = fs.readFileSync(file, 'utf8').matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value.replace(/^'(.*)'$/, '$1')]));
}

/**
 * A value with its variables put in; throws where one is missing that must be there.
 * @template T
 * @param {T} value
 * @param {Record<string, string | undefined>} environment
 * @returns {T}
 */
export function resolved(value, environment) {
  if (Array.isArray(value)) return /** @type {T} */ (value.map((one) => resolved(one, environment)));
  if (typeof value === 'object' && value !== null)
    return /** @type {T} */ (
      Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolved(one, environment)]))
    );
  return typeof value === 'string' ? /** @type {T} */ (inText(value, environment)) : value;
}

/**
 * @param {string} text
 * @param {Record<string, string | undefined>} environment
 */
function inText(text, environment) {
  return text.replace(
    /\$\$|\$\{([A-Z][A-Z0-9_]*)(?::([-?])([^{}]*))?\}/g,
    (whole, /** @type {string} */ name, /** @type {string | undefined} */ kind, /** @type {string} */ rest) => {
      if (whole === '$$') return '$';
      const given = environment[name];
      if (given) return given;
      if (kind === '?') throw new Error(`${name}: ${rest}`);
      return rest ?? '';
    },
  );
}
