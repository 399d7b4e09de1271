// Checks the Compose files: against the schema of Compose, and against our own rules. Compose itself wants Docker's engine for neither, but is
// not everywhere. The rules of the linter that the schema comes with do not know variables, and are not used.
import { Ajv } from 'ajv';
import fs from 'node:fs';
import path from 'node:path';
import { composeFiles, readCompose, readEnvironment, variablesIn } from './compose-file.mjs';
import { SECRET, problemsOfService } from './compose-rules.mjs';
import { notInContainers, ofTheRuntime, services, settingsOf } from './settings.mjs';

/** @typedef {import('./compose-file.mjs').ComposeFile} ComposeFile */

const MAIN = 'docker-compose.yml';
/** What Compose itself reads out of `.env`. */
const ofCompose = ['COMPOSE_PROFILES'];

/**
 * What is wrong with the Compose files, in plain words.
 * @param {string} root
 * @returns {Promise<string[]>}
 */
export async function check(root) {
  /** @type {string[]} */
  const problems = [];
  for (const file of composeFiles) {
    try {
      const compose = readCompose(root, file);
      const found = [...problemsOfSchema(compose), ...problemsOfFile(root, file, compose)];
      if (file === MAIN) found.push(...problemsOfLapwing(root, compose));
      problems.push(...found.map((problem) => `${file}: ${problem}`));
    } catch (error) {
      problems.push(`${file}: cannot be read: ${/** @type {Error} */ (error).message.split('\n')[0]}`);
    }
  }
  return [...problems, ...problemsOfEnvironment(root)];
}

const isOfSchema = schemaOfCompose();

function schemaOfCompose() {
  // Not below `root`, which need not have packages; and the package hands out nothing but its program.
  const file = path.resolve(import.meta.dirname, '../../node_modules/dclint/schemas/compose.schema.json');
  const { $schema: _, ...schema } = JSON.parse(fs.readFileSync(file, 'utf8'));
  return new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
}

/** @param {ComposeFile} compose */
function problemsOfSchema(compose) {
  if (isOfSchema(compose)) return [];
  return (isOfSchema.errors ?? []).map(({ instancePath, message, params }) => {
    const unknown = 'additionalProperty' in params ? ` "${params['additionalProperty']}"` : '';
    return `the schema of Compose: ${instancePath || '/'} ${message}${unknown}`;
  });
}

/**
 * @param {string} root
 * @param {string} file
 * @param {ComposeFile} compose
 */
function problemsOfFile(root, file, compose) {
  const used = Object.values(compose.services).flatMap(({ volumes = [] }) =>
    volumes.filter((one) => typeof one === 'string').map((one) => one.split(':')[0]),
  );
  const unused = Object.keys(compose.volumes ?? {}).filter((name) => !used.includes(name));
  return [
    ...unused.map((name) => `the volume ${name} is used by nobody`),
    ...Object.entries(compose.services).flatMap(([name, service]) =>
      problemsOfService({ folder: path.join(root, path.dirname(file)), compose, name, service }).map(
        (problem) => `${name}: ${problem}`,
      ),
    ),
  ];
}

/**
 * What Lapwing's own services want.
 * @param {string} root
 * @param {ComposeFile} compose
 */
function problemsOfLapwing(root, compose) {
  return [
    ...Object.entries(services).flatMap(([name, program]) => {
      const service = compose.services[name];
      if (!service) return [`there is no service ${name}`];
      const command = service.command?.join(' ');
      return [
        ...(command === `node ${program}` ? [] : [`${name}: the command is "${command}", not "node ${program}"`]),
        ...problemsOfSettings(name, settingsOf(root, name), service.environment ?? {}),
        ...problemsOfHealthCheck(root, name, service),
      ];
    }),
    ...problemsOfHealthCheck(root, 'agent', compose.services['agent']),
    ...problemsOfSettings('agent', settingsOf(root, 'collector'), compose.services['agent']?.environment ?? {}),
    ...Object.keys(compose.services['migrate']?.environment ?? {})
      .filter((name) => !settingsOf(root, 'updates').includes(name))
      .map((name) => `migrate: ${name} is no setting of what it runs`),
    ...problemsOfOwners(compose),
  ];
}

/**
 * @param {string} service
 * @param {string[]} settings
 * @param {Record<string, unknown>} environment
 */
function problemsOfSettings(service, settings, environment) {
  const wanted = settings.filter((name) => !(name in notInContainers));
  return [
    ...wanted.filter((name) => !(name in environment)).map((name) => `${service}: the setting ${name} is missing`),
    ...Object.keys(environment)
      .filter((name) => !wanted.includes(name) && !ofTheRuntime.test(name))
      .map((name) => `${service}: ${name} is no setting of it`),
  ];
}

/**
 * What asks after a service's health must be in its image, and ask where the service listens.
 * @param {string} root
 * @param {string} name
 * @param {import('./compose-file.mjs').ComposeService | undefined} service
 */
function problemsOfHealthCheck(root, name, service) {
  const [, program, script = '', url = ''] = service?.healthcheck?.test ?? [];
  const { PORT: own, LAPWING_OPS_PORT: ops } = service?.environment ?? {};
  const port = String(own ?? ops);
  // The agent's image holds it beside the agent.
  const isThere = fs.existsSync(path.join(root, script.replace(/^\/app\//, 'deploy/docker/')));
  return [
    ...(program === 'node' && isThere ? [] : [`${name}: the health check runs ${script}, which is not there`]),
    ...(URL.canParse(url) && new URL(url).port === port
      ? []
      : [`${name}: the health check asks ${url}, and it listens on ${port}`]),
  ];
}

/** Keys are seen by whom they are for, and by what makes them. @param {ComposeFile} compose */
function problemsOfOwners(compose) {
  return Object.entries(compose.services).flatMap(([name, { volumes = [] }]) =>
    volumes.flatMap((volume) => {
      const source = typeof volume === 'string' ? (volume.split(':')[0] ?? '') : volume.source;
      const owner = source === 'authority' ? 'fleet' : (/^bus-(.+)$/.exec(source)?.[1] ?? source);
      const isKey = source === 'keys' || source === 'authority' || source.startsWith('bus-');
      return isKey && name !== owner && name !== 'keys' ? [`${name}: the keys in ${source} are not for it`] : [];
    }),
  );
}

/**
 * `.env.example` names what the files ask for, and nothing else.
 * @param {string} root
 */
function problemsOfEnvironment(root) {
  const file = path.join(root, '.env.example');
  if (!fs.existsSync(file)) return ['.env.example: it is missing'];
  const known = readEnvironment(file);
  const used = new Set([
    ...ofCompose,
    ...composeFiles.flatMap((one) =>
      variablesIn(fs.readFileSync(path.join(root, one), 'utf8')).map(({ name }) => name),
    ),
  ]);
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  return [
    ...[...used].filter((name) => !(name in known)).map((name) => `${name} is asked for and not there`),
    ...Object.keys(known)
      .filter((name) => !used.has(name))
      .map((name) => `${name} is used by nobody`),
    ...Object.entries(known)
      .filter(([name, value]) => SECRET.test(name) && value !== '')
      .map(([name]) => `${name} has a value, which everybody would have`),
    ...(known['LAPWING_VERSION'] === version ? [] : [`LAPWING_VERSION is not ${version}, as in package.json`]),
  ].map((problem) => `.env.example: ${problem}`);
}
