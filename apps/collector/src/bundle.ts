/** What the one-file build of the agent puts in place of these. */
declare const LAPWING_BUNDLED_VERSION: string | undefined;
declare const LAPWING_BUNDLED_KEYS: string | undefined;

/** What the one-file build says of itself; undefined where the collector runs out of its packages. */
export const bundle =
  typeof LAPWING_BUNDLED_VERSION === 'string'
    ? {
        version: LAPWING_BUNDLED_VERSION,
        /** Whose signatures count for what this agent may become. */
        keys: (typeof LAPWING_BUNDLED_KEYS === 'string' ? LAPWING_BUNDLED_KEYS : '').split(',').filter(Boolean),
      }
    : undefined;
