import { existsSync } from 'node:fs';
import { z } from 'zod';
import { lapwingVersion } from '../../version.js';

const isDocker = existsSync('/.dockerenv');

/** Pulse's version and build facts. */
export const ApiVersion = z.object({
  version: z.string(),
  build: z.string(),
  runtime: z.string(),
  channel: z.enum(['stable', 'rc']),
  isDocker: z.boolean(),
  isDevelopment: z.boolean(),
});

/** What this server is. */
export function toApiVersion(): z.infer<typeof ApiVersion> {
  const isDevelopment = process.env['NODE_ENV'] === 'development';
  const channel = lapwingVersion.includes('-') ? 'rc' : 'stable';
  return { version: `v${lapwingVersion}`, build: 'release', runtime: 'node', channel, isDocker, isDevelopment };
}
