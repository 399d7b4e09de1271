// Whether the NetworkPolicies let through what the design wants (edges.mjs), and nothing else.
import fs from 'node:fs';
import { BlockList, isIP, isIPv6 } from 'node:net';
import path from 'node:path';
import { parse } from 'yaml';
import { wantedEdges } from './edges.mjs';
import { fits, inEach, nameOf, ofKind, podsOf, readIn } from './objects.mjs';

/** @typedef {import('./objects.mjs').KubernetesObject} KubernetesObject */
/** @typedef {import('./objects.mjs').Pod} Pod */
/** @typedef {import('kubernetes-models/networking.k8s.io/v1/NetworkPolicySpec').INetworkPolicySpec} PolicySpec */
/** @typedef {NonNullable<PolicySpec['egress']>[number]} Egress */
/** @typedef {NonNullable<PolicySpec['ingress']>[number]} Ingress */
/** @typedef {import('kubernetes-models/networking.k8s.io/v1/NetworkPolicyPeer').INetworkPolicyPeer} Peer */
/** @typedef {import('kubernetes-models/networking.k8s.io/v1/NetworkPolicyPort').INetworkPolicyPort} Port */
/** What policies allow: edges of which one end lets the other send, and edges of which one end lets the other in. @typedef {{ out: Set<string>, in: Set<string> }} Allowed */

/** @type {import('./main.mjs').Check} */
export const check = async (root) =>
  inEach(root, (objects, folder) => [
    ...problemsOf(objects, wantedEdges(partsOf(root, folder))),
    ...proxyProblems(objects),
  ]);

/**
 * The names of the folders that a folder is made of: its resources and components, and theirs.
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
function partsOf(root, folder) {
  const file = path.join(folder, 'kustomization.yaml');
  /** @type {{ components?: string[], resources?: string[] }} */
  const { components = [], resources = [] } = parse(readIn(root, file)) ?? {};
  const parts = [...resources, ...components].map((one) => path.join(folder, one));
  const folders = parts.filter((one) => fs.existsSync(path.join(root, one, 'kustomization.yaml')));
  return folders.flatMap((one) => [path.basename(one), ...partsOf(root, one)]);
}

/**
 * @param {KubernetesObject[]} objects
 * @param {string[]} wanted
 * @returns {string[]}
 */
export function problemsOf(objects, wanted) {
  const pods = podsOf(objects);
  const names = new Set(pods.map(nameOfPod));
  const allowed = allowedBy(objects, pods);
  const all = [...new Set([...allowed.out, ...allowed.in])];
  const found = all.filter((edge) => {
    const [from = '', to = ''] = edge.split(' → ');
    const isInside = names.has(from) && names.has(to.replace(/:.*/, ''));
    return !isInside || (allowed.out.has(edge) && allowed.in.has(edge));
  });
  const half = all.filter((edge) => !found.includes(edge));
  return [
    ...defaultDenyProblems(objects),
    ...half.map((edge) => `NetworkPolicy: ${edge} is allowed at one end only`),
    ...found
      .filter((edge) => !wanted.includes(edge))
      .map((edge) => `NetworkPolicy: ${edge} is allowed, and not wanted`),
    ...wanted
      .filter((edge) => !found.includes(edge))
      .map((edge) => `NetworkPolicy: ${edge} is wanted, and not allowed`),
  ];
}

/** @param {KubernetesObject[]} objects */
const policiesIn = (objects) =>
  /** @type {(KubernetesObject & { spec?: PolicySpec })[]} */ (objects.filter(({ kind }) => kind === 'NetworkPolicy'));

/** @param {Pod} pod */
const nameOfPod = ({ labels }) => labels['app.kubernetes.io/name'] ?? '';

/** @param {KubernetesObject[]} objects */
const defaultDenyProblems = (objects) =>
  ofKind(objects, 'Namespace')
    .filter(
      ({ metadata: { name } }) =>
        !policiesIn(objects).some((one) => one.metadata.namespace === name && isDefaultDeny(one.spec)),
    )
    .map((namespace) => `${nameOf(namespace)}: it has no NetworkPolicy that denies everything by default`);

/** @param {PolicySpec | undefined} spec */
const isDefaultDeny = (spec) =>
  fits(spec?.podSelector, {}) &&
  ['Ingress', 'Egress'].every((type) => spec?.policyTypes?.includes(/** @type {'Ingress' | 'Egress'} */ (type))) &&
  !spec?.ingress?.length &&
  !spec?.egress?.length;

/**
 * @param {KubernetesObject[]} objects
 * @param {Pod[]} pods
 * @returns {Allowed}
 */
function allowedBy(objects, pods) {
  /** @type {Allowed} */
  const allowed = { out: new Set(), in: new Set() };
  for (const { spec, metadata } of policiesIn(objects)) {
    const near = pods.filter(({ owner }) => owner.metadata.namespace === metadata.namespace);
    const own = near
      .filter(({ labels, spec: pod }) => !pod.hostNetwork && fits(spec?.podSelector, labels))
      .map(nameOfPod);
    for (const name of own) {
      for (const { to, ports } of spec?.egress ?? [])
        for (const peer of peersOf(to, near))
          for (const port of portsOf(ports)) allowed.out.add(`${name} → ${peer}:${port}`);
      for (const { from, ports } of spec?.ingress ?? [])
        for (const peer of peersOf(from, near))
          for (const port of portsOf(ports)) allowed.in.add(`${peer} → ${name}:${port}`);
    }
  }
  return allowed;
}

/**
 * @param {Peer[] | undefined} peers
 * @param {Pod[]} near
 */
const peersOf = (peers, near) => (peers?.length ? peers.flatMap((peer) => peerOf(peer, near)) : ['everything']);

/**
 * @param {Peer} peer
 * @param {Pod[]} near
 */
function peerOf({ ipBlock, namespaceSelector, podSelector }, near) {
  if (ipBlock) return [blockOf(ipBlock)];
  const values = (/** @type {typeof podSelector} */ selector) =>
    Object.values(selector?.matchLabels ?? {}).join('+') || '*';
  if (namespaceSelector) return [`${values(namespaceSelector)}/${values(podSelector)}`];
  return near.filter(({ labels }) => fits(podSelector, labels)).map(nameOfPod);
}

/** What must be left out before a block is called the internet. */
const PRIVATE = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
  'fe80::/10',
];

/** @param {{ cidr: string, except?: string[] }} block */
function blockOf({ cidr, except = [] }) {
  if (!cidr.endsWith('/0')) return 'network';
  const isSame = (/** @type {string} */ one) => one.includes(':') === cidr.includes(':');
  return PRIVATE.filter(isSame).every((one) => except.includes(one)) ? 'internet' : 'anywhere';
}

/**
 * Whom the gateway believes about whom they stand for must be proxies alone: an agent's network that has an address in common with them would let
 * everybody in it be anybody.
 * @param {KubernetesObject[]} objects
 * @returns {string[]}
 */
function proxyProblems(objects) {
  const settings = objects.find(
    ({ kind, metadata: { name } }) => kind === 'ConfigMap' && name.startsWith('gateway-settings'),
  );
  const trusted = /** @type {{ data?: Record<string, string> } | undefined} */ (settings)?.data?.TRUSTED_PROXIES ?? '';
  const proxies = trusted.split(',').map((one) => one.trim());
  const agents = policiesIn(objects)
    .filter(({ metadata: { name } }) => name === 'agents-to-gateway')
    .flatMap(({ spec }) =>
      spec?.ingress?.flatMap(({ from = [] }) => from.flatMap(({ ipBlock }) => ipBlock?.cidr ?? [])),
    );
  return proxies.flatMap((proxy) =>
    agents
      .filter((network) => network !== undefined && (isIn(proxy, network) || isIn(network, proxy)))
      .map((network) => `NetworkPolicy agents-to-gateway: ${network} has addresses of TRUSTED_PROXIES, ${proxy}`),
  );
}

/**
 * @param {string} one a network, or an address
 * @param {string} other
 */
function isIn(one, other) {
  const [[first = ''], [network = '', bits]] = [one.split('/'), other.split('/')];
  const family = (/** @type {string} */ address) => (isIPv6(address) ? 'ipv6' : 'ipv4');
  if (!isIP(first) || !isIP(network) || family(first) !== family(network)) return false;
  const block = new BlockList();
  block.addSubnet(network, Number(bits ?? (isIPv6(network) ? 128 : 32)), family(network));
  return block.check(first, family(first));
}

/** @param {Port[] | undefined} ports */
const portsOf = (ports) =>
  ports?.length
    ? ports.map(
        ({ port, endPort, protocol = 'TCP' }) =>
          `${port ?? '*'}${endPort ? `-${endPort}` : ''}${protocol === 'TCP' ? '' : `/${protocol}`}`,
      )
    : ['*'];
