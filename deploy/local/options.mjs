// The options of `npm start`: by flag or by environment.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { LaunchError } from './steps.mjs';

export const root = path.resolve(import.meta.dirname, '../..');

const known = {
  PORT: { flag: 'port', about: 'port of the web server and the API (8080)' },
  HOST: { flag: 'host', about: 'address on which it listens (127.0.0.1; 0.0.0.0 for all)' },
  LAPWING_DATA_DIR: { flag: 'data-dir', about: 'folder of all data (.data)' },
  LAPWING_AGENTS_PORT: {
    flag: 'agents-port',
    about: 'port on which agents of other hosts reach NATS, on HOST; without it they cannot',
  },
  NATS_URL: { flag: 'nats-url', about: 'a NATS server with JetStream; without it one is started' },
  DATABASE_URL: { flag: 'database-url', about: 'a PostgreSQL database; without it a server is started' },
  REDIS_URL: { flag: 'redis-url', about: 'a Redis server; without it one is started' },
  LAPWING_ADMIN_PASSWORD: {
    flag: 'admin-password',
    about: 'password of the first user, "admin"; without it one is made and printed once',
  },
};

const help = `Lapwing: watches machines and tells the right person in time.

  npm start                       everything in one process, on servers of its own
  npm run start:services          every service in a process of its own

Options, by flag (npm start -- --port 9000) or by environment (PORT=9000 npm start):
${Object.entries(known)
  .map(([name, { flag, about }]) => `  --${flag.padEnd(16)} ${name.padEnd(24)} ${about}`)
  .join('\n')}
  --help                                    this text

Binaries of servers: LAPWING_NATS_SERVER, LAPWING_REDIS_SERVER, LAPWING_POSTGRES_BIN (a folder).
More settings of the services: the README of each in apps/.
`;

/**
 * Reads flags and environment; flags win. Prints the help and ends the process when asked to.
 * @returns {{ services: boolean, dataDir: string, environment: Record<string, string> }}
 */
export function readOptions(args = process.argv.slice(2)) {
  /** @type {Record<string, { type: 'string' | 'boolean' }>} */
  const flags = { help: { type: 'boolean' }, services: { type: 'boolean' } };
  for (const { flag } of Object.values(known)) flags[flag] = { type: 'string' };
  let values;
  try {
    ({ values } = parseArgs({ args, options: flags }));
  } catch (error) {
    throw new LaunchError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  /** @type {Record<string, string>} */
  const environment = {};
  for (const [name, { flag }] of Object.entries(known)) {
    const value = values[flag] ?? process.env[name];
    if (typeof value === 'string' && value !== '') environment[name] = value;
  }
  const port = environment.PORT;
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535))
    throw new LaunchError(`PORT must be a number from 0 to 65535, not "${port}"`);
  const agentsPort = environment.LAPWING_AGENTS_PORT;
  if (
    agentsPort !== undefined &&
    !(/^\d{1,5}$/.test(agentsPort) && Number(agentsPort) > 0 && Number(agentsPort) <= 65_535)
  )
    throw new LaunchError(`LAPWING_AGENTS_PORT must be a number from 1 to 65535, not "${agentsPort}"`);
  const dataDir = path.resolve(root, environment.LAPWING_DATA_DIR ?? '.data');
  return { services: values.services === true, dataDir, environment };
}
