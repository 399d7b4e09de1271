// Whether this version can be loaded as a whole, and accepts the settings of its environment: `node apps/standalone/dist/self-test.js`.
// Starts nothing and connects to nothing. Says `ok <version>` at the end, or what is wrong.
import { ConfigError } from '@lapwing/service';
import { readFileSync } from 'node:fs';

/** The services, as main.ts starts them. */
const services = [
  'settings',
  'auth',
  'metrics-store',
  'log-store',
  'fleet',
  'alerting',
  'updates',
  'gateway',
  'collector',
];

const { version, engines } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
  engines: { node: string };
};

try {
  wantNode(engines.node);
  for (const name of services) {
    const folder = new URL(`../../${name}/dist/`, import.meta.url);
    await import(new URL(`${name}.module.js`, folder).href);
    const { loadConfig } = (await import(new URL('config.js', folder).href)) as { loadConfig: () => unknown };
    loadConfig();
  }
  process.stdout.write(`ok ${version}\n`);
  process.exit(0);
} catch (error) {
  const message =
    error instanceof ConfigError || !(error instanceof Error) ? String(error) : (error.stack ?? error.message);
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** @throws Error when this Node is older than the release wants it, e.g. `>=20.19`. */
function wantNode(range: string): void {
  const [wantedMajor = 0, wantedMinor = 0] = range
    .replace(/[^\d.]/g, '')
    .split('.')
    .map(Number);
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor))
    throw new Error(`Node ${process.versions.node} is too old, ${range} is wanted`);
}
