import { ConfiguredNode, monitorFlags, type ConnectionTest, type LinkStatus } from '@lapwing/contracts';
import { z } from 'zod';
import { isoSeconds } from '../../../http/query.js';

const flags = Object.fromEntries(monitorFlags.map((name) => [name, z.boolean()]));

/** A configured node as Pulse's clients know it; secrets are never in it. */
export const NodeView = ConfiguredNode.omit({ monitor: true, createdAt: true, updatedAt: true }).extend({
  ...flags,
  status: z.enum(['connected', 'disconnected', 'error', 'pending']),
  error: z.string().optional(),
  version: z.string(),
  isCluster: z.boolean(),
  clusterName: z.string(),
  clusterEndpoints: z.array(
    z.object({
      nodeId: z.string(),
      nodeName: z.string(),
      host: z.string(),
      ip: z.string(),
      online: z.boolean(),
      lastSeen: z.string(),
    }),
  ),
});

/** What came of an attempt to reach a node. */
export const TestView = z.object({
  success: z.boolean(),
  status: z.enum(['success', 'error']),
  message: z.string(),
  latency: z.int().describe('milliseconds'),
  isCluster: z.boolean(),
  nodeCount: z.int(),
  version: z.string().optional(),
  fingerprint: z.string().optional().describe('SHA-256 of the certificate that the server shows'),
});

/** `pending` before the first poll; `error` when it answers wrongly or refuses; `disconnected` when it cannot be reached. */
function statusOf(link: LinkStatus | undefined): z.infer<typeof NodeView>['status'] {
  if (!link) return 'pending';
  if (link.status === 'online' && link.health !== 'error') return 'connected';
  return ['unreachable', 'timeout', 'silent'].includes(link.fault ?? '') ? 'disconnected' : 'error';
}

const nameOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '');

/** A configured node with how the link to it is. */
export function toNodeView(node: ConfiguredNode, link: LinkStatus | undefined): z.infer<typeof NodeView> {
  const { monitor, createdAt: _created, updatedAt: _updated, ...rest } = node;
  return {
    ...rest,
    ...Object.fromEntries(monitorFlags.map((name) => [name, monitor[name] ?? true])),
    status: statusOf(link),
    ...(link?.error && { error: link.error }),
    version: link?.version ?? '',
    isCluster: link?.isCluster ?? false,
    clusterName: link?.clusterName ?? '',
    clusterEndpoints: (link?.isCluster ? link.endpoints : []).map((one) => ({
      nodeId: `${node.name}-${one.node}`,
      nodeName: one.node,
      host: one.host,
      ip: nameOf(one.host),
      online: one.online,
      lastSeen: one.lastSeenAt === null ? '' : isoSeconds(one.lastSeenAt),
    })),
  };
}

/** What came of an attempt to reach a node. */
export function toTestView(test: ConnectionTest): z.infer<typeof TestView> {
  const { success, message, latencyMs, isCluster, nodeCount, version, fingerprint } = test;
  return {
    success,
    status: success ? 'success' : 'error',
    message,
    latency: latencyMs,
    isCluster,
    nodeCount,
    ...(version !== '' && { version }),
    ...(fingerprint !== '' && { fingerprint }),
  };
}
