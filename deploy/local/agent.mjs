// Makes the agent in one file out of what was compiled: apps/collector/dist/agent/lapwing-agent.mjs. Runs on Node alone.
// A release gives LAPWING_AGENT_VERSION, LAPWING_AGENT_KEYS (public keys, by commas) and LAPWING_AGENT_OUT (the file).
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const collector = path.join(root, 'apps/collector');
const { version } = JSON.parse(fs.readFileSync(path.join(collector, 'package.json'), 'utf8'));

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

await build({
  entryPoints: [path.join(collector, 'dist/agent.js')],
  outfile: process.env.LAPWING_AGENT_OUT ?? path.join(collector, 'dist/agent/lapwing-agent.mjs'),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  minify: true,
  keepNames: true,
  legalComments: 'linked',
  external: absent,
  define: {
    LAPWING_BUNDLED_VERSION: JSON.stringify(process.env.LAPWING_AGENT_VERSION ?? version),
    LAPWING_BUNDLED_KEYS: JSON.stringify(process.env.LAPWING_AGENT_KEYS ?? ''),
  },
  banner: {
    js: `#!/usr/bin/env node\nimport { createRequire as lapwingRequire } from 'node:module';\nconst require = lapwingRequire(import.meta.url);`,
  },
  logLevel: 'warning',
});
