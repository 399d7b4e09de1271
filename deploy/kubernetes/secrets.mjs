// `npm run k8s:secrets -- FOLDER`: makes the keys and passwords of an installation on Kubernetes once, keeps them in FOLDER, and writes
// FOLDER/secrets.yaml with all Secrets for `kubectl apply -f`.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { build, installPackages } from '../local/install.mjs';
import { makeBusKeys } from '../local/servers.mjs';
import { LaunchError, fail, step } from '../local/steps.mjs';

const help = `Makes the keys and passwords of an installation on Kubernetes, and FOLDER/secrets.yaml with all Secrets.

  npm run k8s:secrets -- FOLDER [--namespace lapwing] [--database-url URL] [--redis-url URL]

Run it again after an update: what is there is kept, and services get the permissions of this version. FOLDER is worth as much as the
installation itself: keep it safe, and out of version control. The addresses of a database and a Redis of your own are kept, too; better
by the environment (DATABASE_URL, REDIS_URL), since others on this machine can read arguments. Put more secrets into FOLDER/values, one
a file: api-token, api-tokens, license-server-token, oidc-client-secret, pulse-auth-pass.
`;

const LABELS = { 'app.kubernetes.io/part-of': 'lapwing' };

/** Hexadecimal, so that it may stand in a URL; a letter first, so that nobody takes it for a number. */
const password = () => `k${randomBytes(20).toString('hex')}`;

/** What is made once, by its key in the Secret. @type {Record<string, () => string>} */
const made = {
  'secret-key': () => randomBytes(32).toString('hex'),
  'admin-password': password,
  'postgres-password': password,
  'redis-password': password,
};

/** Used where a file of the folder "values" bears the name. */
const optional = ['api-token', 'api-tokens', 'license-server-token', 'oidc-client-secret', 'pulse-auth-pass'];

/** @param {string[]} args */
function readOptions(args) {
  const text = { type: /** @type {const} */ ('string') };
  const options = {
    namespace: text,
    'database-url': text,
    'redis-url': text,
    help: { type: /** @type {const} */ ('boolean') },
  };
  const { values, positionals } = parsed(() => parseArgs({ args, options, allowPositionals: true }));
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  const [folder, ...more] = positionals;
  if (!folder || more.length > 0) throw new LaunchError(`name one folder\n\n${help}`);
  return {
    // npm runs scripts where package.json is; the folder is meant from where it was typed.
    folder: path.resolve(process.env.INIT_CWD ?? process.cwd(), folder),
    namespace: values.namespace ?? 'lapwing',
    urls: {
      'database-url': values['database-url'] || process.env.DATABASE_URL || undefined,
      'redis-url': values['redis-url'] || process.env.REDIS_URL || undefined,
    },
  };
}

/**
 * @template T
 * @param {() => T} parse
 * @returns {T}
 */
function parsed(parse) {
  try {
    return parse();
  } catch (error) {
    throw new LaunchError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

/**
 * The value that a file of the folder keeps: what is given, else what is there, else what is made.
 * @param {string} file
 * @param {() => string} make
 * @param {string} [given]
 */
function kept(file, make, given) {
  if (given === undefined && fs.existsSync(file)) return fs.readFileSync(file, 'utf8').trim();
  const value = given ?? make();
  write(file, `${value}\n`);
  return value;
}

/**
 * A file appears whole, and only its owner reads it.
 * @param {string} file
 * @param {string} text
 */
function write(file, text) {
  fs.writeFileSync(`${file}.partial`, text, { mode: 0o600 });
  fs.renameSync(`${file}.partial`, file);
}

/**
 * Everything that manifests refer to and that is not in git.
 * @param {ReturnType<typeof readOptions>} options
 */
function objectsOf({ folder, namespace, urls }) {
  const values = path.join(folder, 'values');
  fs.mkdirSync(values, { recursive: true, mode: 0o700 });
  const secrets = Object.fromEntries(
    Object.entries(made).map(([name, make]) => [name, kept(path.join(values, name), make)]),
  );
  const inCluster = {
    'database-url': `postgres://lapwing:${secrets['postgres-password']}@timescaledb:5432/lapwing`,
    'redis-url': `redis://:${secrets['redis-password']}@redis:6379`,
  };
  for (const name of /** @type {const} */ (['database-url', 'redis-url']))
    secrets[name] = kept(path.join(values, name), () => inCluster[name], urls[name]);
  for (const name of optional.filter((one) => fs.existsSync(path.join(values, one))))
    secrets[name] = fs.readFileSync(path.join(values, name), 'utf8').trim();
  const bus = makeBusKeys(path.join(folder, 'bus'));
  const read = (/** @type {string} */ file) => fs.readFileSync(path.join(bus, file), 'utf8');
  const services = fs.readdirSync(path.join(bus, 'credentials')).filter((name) => name.endsWith('.creds'));
  const object = (/** @type {string} */ kind, /** @type {string} */ name, /** @type {object} */ content) => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace, labels: LABELS },
    ...content,
  });
  const secret = (/** @type {string} */ name, /** @type {Record<string, string>} */ stringData) =>
    object('Secret', name, { type: 'Opaque', stringData });
  return [
    secret('lapwing-secrets', secrets),
    ...services
      .toSorted()
      .map((file) => secret(`lapwing-bus-${path.basename(file, '.creds')}`, { [file]: read(`credentials/${file}`) })),
    secret('lapwing-bus-authority', { 'authority.json': read('authority.json') }),
    secret('nats-cluster', { password: kept(path.join(values, 'nats-cluster-password'), password) }),
    object('ConfigMap', 'nats-auth', { data: { 'auth.conf': read('auth.conf') } }),
  ];
}

try {
  const options = readOptions(process.argv.slice(2));
  installPackages();
  build();
  fs.mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const file = path.join(options.folder, 'secrets.yaml');
  write(
    file,
    objectsOf(options)
      .map((object) => stringify(object, { lineWidth: 0 }))
      .join('---\n'),
  );
  step(`kubectl apply -f ${file}`);
  step(`the password of the first user, "admin", is in ${path.join(options.folder, 'values/admin-password')}`);
} catch (error) {
  fail(error);
}
