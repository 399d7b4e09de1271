// Who may reach whom on Kubernetes, and why: what the NetworkPolicies of each folder must come to, no more and no less.
import { services } from './settings.mjs';

const all = Object.keys(services);
/** Those that own a schema, and the Job that changes schemas. */
const withSchema = ['settings', 'auth', 'metrics-store', 'log-store', 'fleet', 'alerting', 'updates', 'migrate'];
/** auth keeps sessions and locks there, the gateway counts limits. */
const withRedis = ['auth', 'gateway'];

/**
 * @param {string[]} from
 * @param {string[]} to
 */
const edges = (from, to) => from.flatMap((one) => to.map((other) => `${one} → ${other}`));
/** @param {string[]} pods */
const names = (pods) => edges(pods, ['kube-system/kube-dns:53/UDP', 'kube-system/kube-dns:53']);

/** The edges of k8s/base. */
const ofBase = [
  // All that services say to each other goes over the bus.
  ...edges(all, ['nats:4222']),
  ...edges(['nats'], ['nats:6222']),
  // Webhooks and mail, to any port; nothing private.
  ...edges(['alerting'], ['internet:1-65535']),
  // Proxmox VE and Mail Gateway, Backup Server, or a proxy before them.
  ...edges(['poller'], ['anywhere:8006', 'anywhere:8007', 'anywhere:443']),
  // The OpenID provider; the feed of releases, and a server for licences.
  ...edges(['auth', 'updates'], ['anywhere:443']),
  ...names([...all, 'nats', 'migrate']),
];

/** What k8s/base has, and each of k8s/components adds. @type {Record<string, string[]>} */
const ofParts = {
  base: ofBase,
  // They run on the network of their nodes.
  agents: edges(['network'], ['gateway:8080', 'nats:4222']),
  'external-database': edges(withSchema, ['network:5432']),
  // 6380 is where Redis with TLS often is.
  'external-redis': edges(withRedis, ['network:6379', 'network:6380']),
  ingress: ['ingress-nginx/ingress-nginx → gateway:8080'],
  monitoring: [
    ...edges(
      ['monitoring/prometheus'],
      all.map((name) => `${name}:9090`),
    ),
    ...edges(all, ['monitoring/opentelemetry-collector:4318']),
  ],
  'nats-outside': ['anywhere → nats:4222'],
  'node-port': ['anywhere → gateway:8080'],
  redis: [...edges(withRedis, ['redis:6379']), ...names(['redis'])],
  timescaledb: [...edges(withSchema, ['timescaledb:5432']), ...names(['timescaledb'])],
};

/**
 * The edges of a folder. "network" is one that people name, "anywhere" all addresses but link-local ones, "internet" those without private ones.
 * @param {string[]} parts what it is made of: "base", and the names of components
 * @returns {string[]}
 */
export const wantedEdges = (parts) => [...new Set(parts.flatMap((name) => ofParts[name] ?? []))];
