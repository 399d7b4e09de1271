// `npm run k8s:secrets -- FOLDER`: makes the keys and passwords of an installation on Kubernetes once, keeps them in FOLDER, and writes
// FOLDER/secrets.yaml with all Secrets for `kubectl apply --server-side -f`, which keeps no copy of them in the open in an annotation.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, installPackages } from '../local/install.mjs';
import { makeBusKeys } from '../local/servers.mjs';
import { LaunchError, fail, step } from '../local/steps.mjs';

const help = `Makes the keys and passwords of an installation on Kubernetes, and FOLDER/secrets.yaml with all Secrets.

  npm run k8s:secrets -- FOLDER [--namespace lapwing] [--database-url URL] [--redis-url URL]

Run it again after an update: what is there is kept, and services get the permissions of this version. FOLDER is worth as much as the
installation itself: keep it safe, and out of version control. The namespace and the addresses of a database and a Redis of your own are
kept, too. An option replaces what is kept; but others on this machine can read arguments. So the first time DATABASE_URL and REDIS_URL of
the environment are taken as well, and later you change FOLDER/values/database-url or redis-url. Put more secrets into FOLDER/values, one a
file: api-token, api-tokens, license-server-token, oidc-client-secret, pulse-auth-pass.
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
    namespace: values.namespace,
    urls: { 'database-url': values['database-url'], 'redis-url': values['redis-url'] },
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

/** Addresses of servers: where else they may stand, and how they begin. */
const addresses = /** @type {const} */ ({
  'database-url': { variable: 'DATABASE_URL', schemes: ['postgres:', 'postgresql:'] },
  'redis-url': { variable: 'REDIS_URL', schemes: ['redis:', 'rediss:'] },
});

/**
 * The address of a server: by option, kept, by environment, or that in the cluster. The environment may be meant for something else, and
 * therefore replaces nothing, and is told.
 * @param {keyof typeof addresses} name
 * @param {string} folder
 * @param {string} inCluster
 * @param {string | undefined} given by option
 */
function addressOf(name, folder, inCluster, given) {
  const { variable, schemes } = addresses[name];
  const file = path.join(folder, 'values', name);
  const isKept = fs.existsSync(file);
  const ofEnvironment = process.env[variable] || undefined;
  const value = given ?? (isKept ? kept(file, () => inCluster) : (ofEnvironment ?? inCluster));
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url?.hostname || !schemes.some((scheme) => scheme === url.protocol))
    throw new LaunchError(`${name} must be ${schemes.map((scheme) => `${scheme}//…`).join(' or ')}, with a host`);
  if (given === undefined && ofEnvironment !== undefined && ofEnvironment !== value)
    step(`${variable} of the environment is not taken, since ${file} is kept: --${name} replaces it`);
  if (given === undefined && !isKept && ofEnvironment !== undefined)
    step(`${name} is taken from ${variable} of the environment: ${url.host}`);
  return kept(file, () => value, value);
}

/**
 * The namespace: by option, kept, or the usual one.
 * @param {string} folder
 * @param {string | undefined} given
 */
function namespaceOf(folder, given) {
  const namespace = kept(path.join(folder, 'namespace'), () => 'lapwing', checkedNamespace(given));
  return checkedNamespace(namespace) ?? namespace;
}

/** @param {string | undefined} namespace */
function checkedNamespace(namespace) {
  if (namespace === undefined || /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace)) return namespace;
  throw new LaunchError(`"${namespace}" is no name of a namespace: small letters, digits and -, at most 63`);
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

/** @param {string} folder */
function makeFolder(folder) {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new LaunchError(`${folder} cannot be made: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Everything that manifests refer to and that is not in git.
 * @param {ReturnType<typeof readOptions>} options
 */
function objectsOf({ folder, namespace: given, urls }) {
  const namespace = namespaceOf(folder, given);
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
    secrets[name] = addressOf(name, folder, inCluster[name], urls[name]);
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
  // Not stringData, which `kubectl apply --server-side` does not take back.
  const secret = (/** @type {string} */ name, /** @type {Record<string, string>} */ texts) => {
    const data = Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
    return object('Secret', name, { type: 'Opaque', data: Object.fromEntries(data) });
  };
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
  checkedNamespace(options.namespace);
  makeFolder(options.folder);
  installPackages();
  build();
  // Not there before packages are.
  const { stringify } = await import('yaml');
  const file = path.join(options.folder, 'secrets.yaml');
  write(
    file,
    objectsOf(options)
      .map((object) => stringify(object, { lineWidth: 0 }))
      .join('---\n'),
  );
  step(`kubectl apply --server-side -f ${file}`);
  step(`the password of the first user, "admin", is in ${path.join(options.folder, 'values/admin-password')}`);
} catch (error) {
  fail(error);
}
