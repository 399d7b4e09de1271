import { readFileSync } from 'node:fs';

/** What the one-file build of the agent puts in place of reading the package. */
declare const LAPWING_BUNDLED_VERSION: string | undefined;

function ownVersion(): string {
  if (typeof LAPWING_BUNDLED_VERSION === 'string') return LAPWING_BUNDLED_VERSION;
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The version of the collector, without a `v` before it. */
export const collectorVersion = ownVersion();
