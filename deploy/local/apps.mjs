// How a service is run as a process.
import path from 'node:path';
import { root } from './options.mjs';

/** From Node 22 on, what is not in one file cannot run in V8's lite mode: see agent.mjs. */
const hasLiteMode = Number.parseInt(process.versions.node, 10) < 22;

/** A collector sits on every host: little memory counts more there than the last bit of speed. */
const small = {
  flags: [...(hasLiteMode ? ['--lite-mode'] : []), '--max-old-space-size=128'],
  env: { MALLOC_ARENA_MAX: '1' },
};

/**
 * @param {string} app
 * @returns {{ args: string[], env: Record<string, string> }}
 */
export function commandOf(app) {
  const { flags, env } = app === 'collector' ? small : { flags: [], env: {} };
  // The collector as a poller is the same app, begun elsewhere.
  const file = app === 'poller' ? 'apps/collector/dist/poller.js' : `apps/${app}/dist/main.js`;
  return { args: [...flags, path.join(root, file)], env };
}
