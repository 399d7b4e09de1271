import { commonConfig, databaseConfig, flag, list, readConfig, secret, secretKeyConfig } from '@lapwing/service';
import { isPublicKey } from '@lapwing/signing';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ownRelease } from './store/own-release.js';

const publicKeys = list.pipe(
  z.array(z.string().refine(isPublicKey, 'public keys, "ed25519:" and base64, separated by commas')).max(16),
);
const url = z.url({ protocol: /^https?$/ });

const schema = commonConfig
  .extend(databaseConfig.shape)
  .extend(secretKeyConfig.shape)
  .extend({
    /** The folder of the feed; by default the one that the release names. */
    UPDATES_FEED_URL: url.optional(),
    /** Whose releases are believed, beside those that this release names. */
    UPDATES_TRUSTED_KEYS: publicKeys.default([]),
    /** Lets a feed of another host come over http: it is signed all the same, but others see what is fetched. */
    UPDATES_ALLOW_HTTP: flag.default(false),
    /** Folder of archives and backups; by default in the installation. */
    UPDATES_DATA_DIR: z.string().optional(),
    /** Bytes of an archive at most. */
    UPDATES_MAX_DOWNLOAD_BYTES: z.coerce
      .number()
      .int()
      .min(2 ** 20)
      .default(2 ** 30),
    /** A file with settings that is saved before an update. */
    UPDATES_ENVIRONMENT_FILE: z.string().optional(),
    /** Whether agents follow this server's version by themselves. */
    UPDATES_AGENTS: z.enum(['auto', 'manual']).default('auto'),
    /** How long each ring of agents is watched, seconds. */
    UPDATES_RING_WATCH_SECONDS: z.coerce.number().int().min(5).max(86_400).default(600),
    /** The agent in one file, which agents fetch from the gateway; the same as the gateway's. */
    GATEWAY_AGENT_FILE: z
      .string()
      .default(fileURLToPath(new URL('../../collector/dist/agent/lapwing-agent.mjs', import.meta.url))),
    /** Whether updates want a licence. */
    LICENSE_REQUIRED: flag.default(false),
    /** A server that vouches for licences. */
    LICENSE_SERVER_URL: url.optional(),
    LICENSE_SERVER_TOKEN: secret.optional(),
    /** A signed licence. */
    LICENSE_FILE: z.string().optional(),
    /** Whose licence files are believed; by default those whose releases are. */
    LICENSE_TRUSTED_KEYS: publicKeys.optional(),
    /** The folder in which releases are installed; set by the guard that runs them. */
    LAPWING_INSTALL_DIR: z.string().optional(),
    /** Set by Kubernetes. */
    KUBERNETES_SERVICE_HOST: z.string().optional(),
  });

const complete = schema.transform((config) => {
  const trustedKeys = [...new Set([...config.UPDATES_TRUSTED_KEYS, ...ownRelease.trustedKeys])];
  return {
    ...config,
    trustedKeys,
    licenseKeys: config.LICENSE_TRUSTED_KEYS ?? trustedKeys,
    feedUrl: config.UPDATES_FEED_URL ?? ownRelease.feedUrl,
  };
});

/** The settings of updates. */
export type UpdatesConfig = z.output<typeof complete>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): UpdatesConfig {
  return readConfig('updates', complete, environment);
}
