import { Password, Username } from '@lapwing/contracts';
import {
  commonConfig,
  databaseConfig,
  flag,
  list,
  readConfig,
  Secret,
  secret,
  secretKeyConfig,
} from '@lapwing/service';
import { z } from 'zod';

/** A bcrypt hash of no more than the cost that Lapwing itself uses. */
const BCRYPT = /^\$2[aby]\$(0[4-9]|1[0-2])\$[./A-Za-z0-9]{53}$/;
const ANY_BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;

const password = z
  .string()
  .refine((text) => BCRYPT.test(text) || !ANY_BCRYPT.test(text), 'a bcrypt hash may have cost 4 to 12')
  .refine((text) => ANY_BCRYPT.test(text) || Password.safeParse(text).success, '8 to 72 bytes, or a bcrypt hash')
  .transform((text) => new Secret(text));

const tokens = list
  .pipe(z.array(z.string().max(256)).max(100))
  .transform((all) => all.map((token) => new Secret(token)));

const isLoopback = (url: URL): boolean => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);

const schema = commonConfig
  .extend(databaseConfig.shape)
  .extend(secretKeyConfig.shape)
  .extend({
    REDIS_URL: z
      .string()
      .default('redis://127.0.0.1:6379')
      .transform((value) => new Secret(value)),
    /** The administrator, made or brought up to date at the start. */
    PULSE_AUTH_USER: Username.optional(),
    /** His password, or its bcrypt hash. */
    PULSE_AUTH_PASS: password.optional(),
    /** The password of the user "admin", made while there is no user. */
    LAPWING_ADMIN_PASSWORD: Password.transform((text) => new Secret(text)).optional(),
    /** API tokens that hold as long as they stand here, separated by commas. */
    API_TOKENS: tokens.default([]),
    /** One more, older than the others. */
    API_TOKEN: secret.optional(),
    /** Whether people may make themselves users; they become viewers. */
    ALLOW_REGISTRATION: flag.default(false),
    /** The OpenID provider; without it there is no such login. */
    OIDC_ISSUER: z
      .url()
      .refine((text) => text.startsWith('https:') || isLoopback(new URL(text)), 'https, or this very machine')
      .optional(),
    OIDC_CLIENT_ID: z.string().optional(),
    OIDC_CLIENT_SECRET: secret.optional(),
    /** Where the provider sends browsers back to: https://<this server>/api/oidc/callback. */
    OIDC_REDIRECT_URL: z.url().optional(),
    OIDC_SCOPES: z.string().default('openid profile email groups'),
    /** The claim that becomes the user's name. */
    OIDC_USERNAME_CLAIM: z.string().default('preferred_username'),
    /** The claim that lists groups. */
    OIDC_GROUPS_CLAIM: z.string().default('groups'),
    /** Which group has which role: group=role, separated by commas. */
    OIDC_ROLE_MAP: list
      .pipe(z.array(z.string().regex(/^[^=]+=[a-z0-9-]+$/, 'group=role, separated by commas')))
      .transform((pairs) => pairs.map((pair) => pair.split('=') as [group: string, role: string]))
      .default([]),
    /** The role of those whose groups have none; without it they are refused. */
    OIDC_DEFAULT_ROLE: z.string().optional(),
  });

const complete = schema
  .refine((config) => (config.PULSE_AUTH_USER === undefined) === (config.PULSE_AUTH_PASS === undefined), {
    path: ['PULSE_AUTH_USER'],
    error: 'PULSE_AUTH_USER and PULSE_AUTH_PASS go together',
  })
  .refine((config) => !config.OIDC_ISSUER || (config.OIDC_CLIENT_ID && config.OIDC_REDIRECT_URL), {
    path: ['OIDC_ISSUER'],
    error: 'it wants OIDC_CLIENT_ID and OIDC_REDIRECT_URL as well',
  });

/** The settings of auth. */
export type AuthConfig = z.output<typeof complete>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): AuthConfig {
  return readConfig('auth', complete, environment);
}
