// What every service of a Compose file has to have.
import fs from 'node:fs';
import path from 'node:path';
import { variablesIn } from './compose-file.mjs';

/**
 * A service, and where it stands.
 * @typedef {object} Subject
 * @property {string} folder of the file
 * @property {import('./compose-file.mjs').ComposeFile} compose
 * @property {string} name
 * @property {import('./compose-file.mjs').ComposeService} service
 */

/** Names of what must not be known to others; keys that are public or in a file of their own are none. */
export const SECRET = /(PASSWORD|PASS|SECRET|SECRET_KEY|TOKENS?)$/;
/** Who is root, and why. @type {Record<string, string>} */
const rootAllowed = { agent: 'it watches the host, whose files are for root' };
/** Who is given capabilities back, and which: docs/fleet.md says why. @type {Record<string, string[]>} */
const capabilities = { agent: ['DAC_READ_SEARCH', 'KILL', 'SYS_CHROOT'] };
/** Who has no health check, and why. @type {Record<string, string>} */
const unasked = {
  'otel-collector': 'its image has no program that could ask',
  tempo: 'its image has no program that could ask',
};

/**
 * What is wrong with a service.
 * @param {Subject} subject
 * @returns {string[]}
 */
export function problemsOfService(subject) {
  return [confinement, image, secrets, health, limits, mounts, network, dependencies].flatMap((rule) => rule(subject));
}

/** @param {Subject} subject */
function confinement({ name, service }) {
  const [user = ''] = (service.user ?? '').split(':');
  return unless([
    [service.read_only === true, 'its root must be read-only'],
    [service.cap_drop?.includes('ALL') === true, 'it must drop ALL capabilities'],
    [!service.privileged, 'it must not be privileged'],
    [
      (service.cap_add ?? []).every((one) => capabilities[name]?.includes(one)),
      'it must be given no capabilities back, but those that are known',
    ],
    [service.security_opt?.includes('no-new-privileges:true') === true, 'no-new-privileges must be true'],
    [/^\d+$/.test(user), 'its user must be a number'],
    [Number(user) !== 0 || name in rootAllowed, 'it must not be root'],
  ]);
}

/** @param {Subject} subject */
function image({ service }) {
  const text = service.image ?? '';
  const isOwn = /:\$\{LAPWING_VERSION:\?[^}]+\}$/.test(text);
  const [, tag = ''] = /:([^:/{}]+)$/.exec(text) ?? [];
  return unless([[isOwn || /^v?\d+\.\d+\.\d+/.test(tag), `the image "${text}" must have the tag of one version`]]);
}

/** @param {Subject} subject */
function secrets({ service }) {
  return Object.entries(service.environment ?? {}).flatMap(([name, value]) => {
    const text = String(value);
    const isSecret = SECRET.test(name) || /:\/\/[^/@]*:[^/@]*@/.test(text);
    const given = text.replace(/^\w+:\/\/\w*:|@.*$/g, '');
    const variables = variablesIn(given);
    const isPlain = given !== '' && !/^\$\{[^{}]*\}$/.test(given);
    const hasDefault = variables.some(({ fallback }) => fallback !== undefined && fallback !== '');
    return isSecret && (isPlain || hasDefault) ? [`${name} holds a secret that everybody can read`] : [];
  });
}

/** @param {Subject} subject */
function health({ name, service, compose }) {
  const isOneShot = conditionsOn(compose, name).includes('service_completed_successfully');
  return unless([
    [isOneShot || name in unasked || (service.healthcheck?.test.length ?? 0) > 1, 'it has no health check'],
    [isOneShot ? service.restart === 'no' : service.restart === 'unless-stopped', 'its restart policy is odd'],
  ]);
}

/** @param {Subject} subject */
function limits({ service }) {
  return unless([
    [service.mem_limit !== undefined, 'it has no limit of memory'],
    [service.pids_limit !== undefined, 'it has no limit of processes'],
    [service.logging?.options?.['max-size'] !== undefined, 'its log has no limit'],
  ]);
}

/** @param {Subject} subject */
function mounts({ folder, compose, service }) {
  return (service.volumes ?? []).flatMap((volume) => {
    const [source = '', , mode = ''] = typeof volume === 'string' ? volume.split(':') : [volume.source];
    const isReadOnly = typeof volume === 'string' ? mode.split(',').includes('ro') : volume.read_only === true;
    if (!/^[./]/.test(source)) return source in (compose.volumes ?? {}) ? [] : [`the volume ${source} is not declared`];
    const isThere = source.startsWith('/') || fs.existsSync(path.join(folder, source));
    return unless([
      [isThere, `it mounts ${source}, which is not there`],
      [isReadOnly, `it may write to ${source}`],
    ]);
  });
}

/** @param {Subject} subject */
function network({ compose, service }) {
  const { networks: known, services: _ } = compose;
  const own = service.networks ?? [];
  const published = (service.ports ?? []).map(String);
  return [
    ...own.filter((one) => !(one in (known ?? {}))).map((one) => `the network ${one} is not declared`),
    ...published
      .filter((port) => !/^(\$\{[A-Z_]+:-127\.0\.0\.1\}|127\.0\.0\.1):/.test(port))
      .map((port) => `the port ${port} is open to other machines unless somebody says otherwise`),
    ...unless([
      [
        !known || own.length > 0 || service.network_mode !== undefined,
        'it is in the default network, with a way out and in',
      ],
      [
        !known || published.length === 0 || own.some((one) => !known[one]?.internal),
        'a port of it is published, and none of its networks lets anybody in',
      ],
    ]),
  ];
}

/** @param {Subject} subject */
function dependencies({ compose, service }) {
  return Object.entries(service.depends_on ?? {}).flatMap(([name, { condition }]) => {
    const other = compose.services[name];
    if (!other) return [`it depends on ${name}, which is not there`];
    return condition === 'service_healthy' && !other.healthcheck
      ? [`it waits for ${name} to be healthy, which nobody asks`]
      : [];
  });
}

/**
 * What others wait for.
 * @param {import('./compose-file.mjs').ComposeFile} compose
 * @param {string} name
 */
const conditionsOn = (compose, name) =>
  Object.values(compose.services).flatMap(({ depends_on: on = {} }) => on[name]?.condition ?? []);

/** @param {[boolean, string][]} rules */
const unless = (rules) => rules.flatMap(([holds, problem]) => (holds ? [] : [problem]));
