import { DockerHost, type ProxmoxGuest, type ProxmoxNode, type ReportedContainer } from '@lapwing/contracts';

const GIB = 2 ** 30;
const half = { total: 8 * GIB, used: 4 * GIB, free: 4 * GIB };

/** A guest that is fine. Change what a test is about. */
export function guest(changes: Partial<ProxmoxGuest>): ProxmoxGuest {
  return {
    vmid: 100,
    node: 'pve1',
    name: 'web',
    type: 'qemu',
    status: 'running',
    cpu: 5,
    cpus: 2,
    memory: half,
    disk: half,
    diskReason: null,
    filesystems: [],
    os: null,
    interfaces: [],
    networkIn: 0,
    networkOut: 0,
    diskRead: 0,
    diskWrite: 0,
    uptime: 1000,
    template: false,
    tags: [],
    lock: '',
    ...changes,
  };
}

/** A node that is fine. */
export function pveNode(name: string): ProxmoxNode {
  return {
    name,
    status: 'online',
    cpu: 5,
    memory: half,
    swap: half,
    disk: half,
    uptime: 1000,
    loadAverage: [0.1, 0.1, 0.1],
    kernelVersion: '6.8',
    pveVersion: '8.2',
    cpuInfo: { model: 'Model', cores: 8, sockets: 1, mhz: '3000' },
    readAt: Date.now(),
  };
}

/** A container that runs well. */
export function container(name: string, changes: Partial<ReportedContainer> = {}): Partial<ReportedContainer> {
  return { id: `id-${name}`, name, state: 'running', status: 'Up', health: 'healthy', ...changes };
}

/** A Docker host that reports. */
export function dockerHost(
  id: string,
  about: { hostname: string; containers: Partial<ReportedContainer>[]; lastSeenAt?: number },
): DockerHost {
  const { hostname, containers, lastSeenAt = Date.now() } = about;
  return DockerHost.parse({
    id,
    agentId: id,
    displayName: hostname,
    status: 'online',
    lastSeenAt,
    token: null,
    hidden: false,
    pendingUninstall: false,
    command: null,
    issues: [],
    recentExitCodes: [],
    report: { agent: { id }, host: { hostname }, containers },
  });
}
