// Makes the agent in one file out of what was compiled: apps/collector/dist/agent/lapwing-agent.mjs, or LAPWING_AGENT_OUT. Runs on Node alone.
// LAPWING_AGENT_KEYS (public keys, separated by commas) says whose signatures count for what such an agent may become; without them it cannot be
// updated. LAPWING_AGENT_VERSION is its version, by default that of the collector.
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const collector = path.join(root, 'apps/collector');
const { version: own } = JSON.parse(fs.readFileSync(path.join(collector, 'package.json'), 'utf8'));
const {
  LAPWING_AGENT_OUT: outfile = path.join(collector, 'dist/agent/lapwing-agent.mjs'),
  LAPWING_AGENT_KEYS: keys = '',
  LAPWING_AGENT_VERSION: version = own,
} = process.env;

/** Parts of Nest and its friends that are only loaded by whoever has them, and that an agent has no use for. */
const absent = [
  '@nestjs/microservices',
  '@nestjs/microservices/*',
  '@nestjs/websockets',
  '@nestjs/websockets/*',
  '@nestjs/platform-express',
  'class-transformer',
  'class-transformer/*',
  'class-validator',
];

/**
 * Node 22 and later load `fetch` with the module "http" when it is imported, which wants WebAssembly, and V8's lite mode has none: the agent would end.
 * Required, it comes without.
 * @type {import('esbuild').Plugin}
 */
const requiredHttp = {
  name: 'http is required',
  setup(bundler) {
    bundler.onResolve({ filter: /^(node:)?http$/ }, ({ namespace }) =>
      namespace === 'required' ? { path: 'node:http', external: true } : { path: 'node:http', namespace: 'required' },
    );
    bundler.onLoad({ filter: /.*/, namespace: 'required' }, () => ({
      contents: "module.exports = require('node:http');",
    }));
  },
};

await build({
  entryPoints: [path.join(collector, 'dist/agent.js')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  minify: true,
  keepNames: true,
  legalComments: 'linked',
  external: absent,
  plugins: [requiredHttp],
  define: { LAPWING_BUNDLED_VERSION: JSON.stringify(version), LAPWING_BUNDLED_KEYS: JSON.stringify(keys) },
  banner: {
    js: `#!/usr/bin/env node\nimport { createRequire as lapwingRequire } from 'node:module';\nconst require = lapwingRequire(import.meta.url);`,
  },
  logLevel: 'warning',
});
