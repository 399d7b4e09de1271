// Which settings each service has: read out of its config.ts, so that no list of them can be out of date.
import fs from 'node:fs';
import path from 'node:path';

/** The services that run as containers, each with the program that is its command below the root of a release. */
export const services = {
  settings: 'apps/settings/dist/main.js',
  auth: 'apps/auth/dist/main.js',
  'metrics-store': 'apps/metrics-store/dist/main.js',
  'log-store': 'apps/log-store/dist/main.js',
  fleet: 'apps/fleet/dist/main.js',
  alerting: 'apps/alerting/dist/main.js',
  updates: 'apps/updates/dist/main.js',
  poller: 'apps/collector/dist/poller.js',
  gateway: 'apps/gateway/dist/main.js',
};

/** Read by libraries, so that every service has them. */
const ofLibraries = ['LOG_LEVEL', 'OTEL_EXPORTER_OTLP_ENDPOINT'];

/** Variables that a container may have beside its settings: Node, the C library and OpenTelemetry read them, or other variables of a pod. */
export const ofTheRuntime =
  /^(NODE_ENV|NODE_EXTRA_CA_CERTS|NODE_OPTIONS|TZ|MALLOC_ARENA_MAX|OTEL_(RESOURCE_ATTRIBUTES|TRACES_SAMPLER|TRACES_SAMPLER_ARG)|POD_[A-Z_]+)$/;

/** Settings that a container is not given, and why. @type {Record<string, string>} */
export const notInContainers = {
  KUBERNETES_SERVICE_HOST: 'Kubernetes sets it by itself',
  LAPWING_LAUNCHER_PID: 'npm start sets it',
  FLEET_LOCAL_AGENT: 'npm start sets it for the agent beside it; agents of containers enrol as all others do',
  FLEET_LOCAL_ENROLLMENT_TOKEN: 'the same',
  LAPWING_INSTALL_DIR: 'the guard sets it where a release is installed',
};

const SETTING = /^ {2,4}([A-Z][A-Z0-9_]+):/gm;

/**
 * The names of all settings that a service reads.
 * @param {string} root of the repository
 * @param {string} service one of {@link services}, or `collector`, the agent
 */
export function settingsOf(root, service) {
  const read = (/** @type {string} */ file) => fs.readFileSync(path.join(root, file), 'utf8');
  const namesIn = (/** @type {string} */ text) => [...text.matchAll(SETTING)].map(([, name = '']) => name);
  const shared = read('libs/service/src/config.ts');
  const part = (/** @type {string} */ from, /** @type {string} */ to) =>
    namesIn(shared.slice(shared.indexOf(from), shared.indexOf(to)));
  const common = part('export const commonConfig', 'export const databaseConfig');
  const database = part('export const databaseConfig', 'class ConfigError');
  const secretKey = namesIn(read('libs/service/src/secret-key.ts'));
  if (service === 'poller') return sorted([...common, ...secretKey, ...ofLibraries]);
  const text = read(`apps/${service}/src/config.ts`);
  // The Docker agent's settings stand beside those of the agent.
  const config = service === 'collector' ? text.slice(0, text.indexOf('loadConfig')) : text;
  return sorted([
    ...common,
    ...namesIn(config),
    ...(config.includes('databaseConfig') ? database : []),
    ...(config.includes('extend(secretKeyConfig') ? secretKey : []),
    ...ofLibraries,
  ]);
}

/** @param {string[]} names */
const sorted = (names) => [...new Set(names)].toSorted((a, b) => (a < b ? -1 : 1));
