import { ProxmoxServer, type ProxmoxOptions } from './server.js';

/**
 * Starts a cluster of Proxmox VE with an endpoint for each node, all on one port of addresses that follow one another.
 * @param first the last octet of the first address, 127.0.0.x: tests that run at the same time must not share any.
 */
export async function startCluster(
  options: Pick<ProxmoxOptions, 'guests' | 'seed'> & { nodes: number; first: number },
): Promise<ProxmoxServer[]> {
  const { nodes, first, ...rest } = options;
  const common = { kind: 'pve' as const, clusterName: 'lab' };
  const one = await ProxmoxServer.start({ ...common, ...rest, nodes, host: `127.0.0.${first}` });
  const servers = [one];
  for (const [index, node] of [...one.estate.nodes.values()].entries()) {
    node.address = `127.0.0.${first + index}`;
    if (index === 0) continue;
    const { estate, port } = one;
    servers.push(await ProxmoxServer.start({ ...common, estate, port, node: node.name, host: node.address }));
  }
  return servers;
}
