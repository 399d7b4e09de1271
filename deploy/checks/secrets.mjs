// Which Secrets there are beside the manifests.
import { services } from './settings.mjs';

/** What `npm run k8s:secrets` makes, and what people make by hand; `?` marks keys that may be missing. @type {Record<string, string[]>} */
export const secrets = {
  'lapwing-secrets': [
    'secret-key',
    'database-url',
    'redis-url',
    'admin-password',
    'postgres-password',
    'redis-password',
    'api-token?',
    'api-tokens?',
    'license-server-token?',
    'oidc-client-secret?',
    'pulse-auth-pass?',
  ],
  ...Object.fromEntries(Object.keys(services).map((name) => [`lapwing-bus-${name}`, [`${name}.creds`]])),
  'lapwing-bus-authority': ['authority.json'],
  'lapwing-agent': ['enrollment-token?'],
  'lapwing-tls': ['tls.crt', 'tls.key'],
  'nats-cluster': ['password'],
  'nats-tls': ['tls.crt', 'tls.key', 'ca.crt'],
};
