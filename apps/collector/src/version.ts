import { readFileSync } from 'node:fs';
import { bundle } from './bundle.js';

function ownVersion(): string {
  if (bundle) return bundle.version;
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The version of the collector, without a `v` before it. */
export const collectorVersion = ownVersion();
