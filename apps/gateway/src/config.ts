import { AgentId, agentIdFromHostname } from '@lapwing/contracts';
import { Secret, commonConfig, flag, list, readConfig } from '@lapwing/service';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { isPlainUrl } from './http/base-url.js';

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

const isNetwork = (text: string): boolean => {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  return (
    family !== 0 &&
    rest.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)))
  );
};

const schema = commonConfig.extend({
  PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  HOST: z.string().default('127.0.0.1'),
  REDIS_URL: z
    .string()
    .default('redis://127.0.0.1:6379')
    .transform((value) => new Secret(value)),
  /** The agent of the machine on which Lapwing runs: what the APIs for one host show. */
  GATEWAY_LOCAL_AGENT: AgentId.optional(),
  COLLECTOR_AGENT_ID: AgentId.default(agentIdFromHostname(hostname())),
  /** Bytes of a request's body at most; a Docker host of many containers sends a good deal. */
  GATEWAY_BODY_LIMIT: z.coerce
    .number()
    .int()
    .min(1024)
    .default(2 ** 21),
  /** How others reach Lapwing, for commands that are printed; by default as the one who asks did. */
  LAPWING_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .refine((url) => isPlainUrl(url), 'an address without user, query or odd characters')
    .optional(),
  /** The agent in one file, for hosts to download. */
  GATEWAY_AGENT_FILE: z
    .string()
    .default(fileURLToPath(new URL('../../collector/dist/agent/lapwing-agent.mjs', import.meta.url))),
  /** Proxies whose X-Forwarded-… headers are believed: addresses and networks, separated by commas. */
  TRUSTED_PROXIES: list
    .pipe(z.array(z.string().refine(isNetwork, 'addresses or networks (CIDR), separated by commas')))
    .default([]),
  /** More names under which a listener on the loopback address is reached, e.g. by a proxy on the same machine. */
  GATEWAY_ALLOWED_HOSTS: list.transform((names) => names.map((name) => name.toLowerCase())).default([]),
  /** Origins of pages that may use the API from a browser. */
  CORS_ORIGINS: list
    .pipe(z.array(z.url().refine((url) => new URL(url).origin === url, 'origins, e.g. https://dashboard.example.com')))
    .default([]),
  /** Requests a minute of one principal, or of one address without one. */
  RATE_LIMIT_PER_MINUTE: z.coerce.number().int().min(10).default(500),
  /** Lets everyone do everything, without a credential. */
  AUTH_DISABLED: flag.default(false),
  /** Whether reads of the home-security API want a credential, too. */
  HSI_READS_REQUIRE_AUTH: flag.default(false),
  /** Whether callers on the server itself may switch recovery mode on; by default everywhere but on Kubernetes. */
  ENABLE_RECOVERY: flag.optional(),
  /** Whether the configuration may be exported and imported without a credential from private networks. */
  EXPORT_ALLOW_PRIVATE_NETWORK: flag.default(true),
  /** The same from public networks. */
  ALLOW_UNPROTECTED_EXPORT: flag.default(false),
  /** Set by Kubernetes. */
  KUBERNETES_SERVICE_HOST: z.string().optional(),
});

const complete = schema.transform((config) => ({
  ...config,
  listensOnLoopback: LOOPBACK.test(config.HOST),
  recovery: config.ENABLE_RECOVERY ?? config.KUBERNETES_SERVICE_HOST === undefined,
}));

/** The settings of the gateway. */
export type GatewayConfig = z.output<typeof complete>;

/** The token under which controllers get the settings. */
export const GATEWAY_CONFIG = 'gateway config';

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): GatewayConfig {
  return readConfig('gateway', complete, environment);
}
