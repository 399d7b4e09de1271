import { X509Certificate } from 'node:crypto';
import { processors, type Disk, type PveNode, type ZfsPool } from './node.js';
import { storagesOf, uptimeOf } from './pve-resources.js';
import { ProxmoxError, type Ask, type Routes } from './router.js';
import { TiB, flag, nowSeconds } from './units.js';

/** The node that is asked for. Throws with 500 for none of this name, with 595 for one that is cut off. */
export function nodeOf({ estate, parameters, local }: Ask): PveNode {
  const asked = parameters['n'] ?? '';
  const name = asked === 'localhost' ? local : asked;
  const node = estate.nodes.get(name);
  if (!node) {
    const lookup = `hostname lookup '${name}' failed - failed to get address info for: ${name}`;
    throw new ProxmoxError(500, `${lookup}: Name or service not known`);
  }
  if (!node.online) throw new ProxmoxError(595, 'No route to host');
  return node;
}

const free = ({ total, used }: { total: number; used: number }): { total: number; used: number; free: number } => ({
  total,
  used,
  free: total - used,
});

/** The version that Proxmox VE says it has. */
export function versionOf({ version }: Pick<Ask, 'version'>): Record<string, string> {
  return version === '9'
    ? { version: '9.0.11', release: '9.0', repoid: '3bf5476b8a4699e2' }
    : { version: '8.4.14', release: '8.4', repoid: 'b502d23c55afcba1' };
}

function status(ask: Ask): Record<string, unknown> {
  const node = nodeOf(ask);
  const kernel = ask.version === '9' ? '6.14.11-4-pve' : '6.8.12-15-pve';
  const { version, repoid } = versionOf(ask);
  const { total, used } = node.memory;
  return {
    cpu: node.cpu,
    wait: node.wait,
    idle: 0,
    memory: { total, used, free: Math.round((total - used) * 0.6), available: total - used },
    swap: free(node.swap),
    rootfs: { ...free(node.rootfs), avail: node.rootfs.total - node.rootfs.used },
    loadavg: node.load.map((load) => load.toFixed(2)),
    uptime: uptimeOf(node),
    kversion: `Linux ${kernel} #1 SMP PREEMPT_DYNAMIC PMX ${kernel} (2025-10-10T08:04Z)`,
    'current-kernel': { sysname: 'Linux', release: kernel, version: '#1 SMP PREEMPT_DYNAMIC', machine: 'x86_64' },
    'boot-info': { mode: 'efi', secureboot: 0 },
    pveversion: `pve-manager/${version}/${repoid}`,
    ksm: { shared: 0 },
    cpuinfo: {
      model: node.model,
      cpus: processors(node),
      cores: node.cores * node.sockets,
      sockets: node.sockets,
      mhz: node.mhz.toFixed(3),
      hvm: '1',
      user_hz: 100,
      flags: 'fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat sse sse2 ht syscall nx lm avx2 svm',
    },
  };
}

const steps: Record<string, number> = { hour: 60, day: 1800, week: 10_800, month: 43_200, year: 604_800 };

function rrdData(ask: Ask): unknown[] {
  const node = nodeOf(ask);
  const step = steps[ask.query.get('timeframe') ?? 'hour'];
  if (!step)
    throw parameterError('timeframe', `value '${ask.query.get('timeframe')}' does not have a value in the enumeration`);
  const last = nowSeconds() - (nowSeconds() % step);
  const { total, used } = node.memory;
  return Array.from({ length: 70 }, (_, index) => ({
    time: last - (69 - index) * step,
    cpu: node.cpu,
    maxcpu: processors(node),
    iowait: node.wait,
    loadavg: node.load[0],
    memtotal: total,
    memused: used,
    ...(ask.version === '9' ? { memavailable: total - used, arcsize: 0 } : {}),
    swaptotal: node.swap.total,
    swapused: node.swap.used,
    roottotal: node.rootfs.total,
    rootused: node.rootfs.used,
    netin: 184_220.5,
    netout: 251_331.25,
  }));
}

/** What Proxmox answers when a parameter is not allowed. */
export function parameterError(parameter: string, message: string): ProxmoxError {
  return new ProxmoxError(400, 'Parameter verification failed.', { [parameter]: message });
}

function diskView(disk: Disk): Record<string, unknown> {
  return {
    devpath: disk.devpath,
    model: disk.model,
    serial: disk.serial,
    vendor: disk.vendor,
    wwn: disk.wwn,
    type: disk.type,
    size: disk.size,
    used: disk.used,
    health: disk.health,
    wearout: disk.wearout ?? 'N/A',
    rpm: disk.rpm,
    gpt: flag(disk.type === 'nvme'),
    osdid: disk.osdid < 0 ? -1 : String(disk.osdid),
    'osdid-list': disk.osdid < 0 ? null : [String(disk.osdid)],
    by_id_link: `/dev/disk/by-id/${disk.type === 'nvme' ? 'nvme' : 'ata'}-${disk.model.replaceAll(' ', '_')}_${disk.serial}`,
  };
}

function smart(ask: Ask): Record<string, unknown> {
  const asked = ask.query.get('disk');
  const disk = nodeOf(ask).disks.find(({ devpath }) => devpath === asked);
  if (!disk) throw new ProxmoxError(500, `Disk not found: ${asked}`);
  return disk.type === 'nvme' ? nvmeSmart(disk) : ataSmart(disk);
}

function nvmeSmart(disk: Disk): Record<string, unknown> {
  const used = 100 - (disk.wearout ?? 100);
  const text = [
    'SMART/Health Information (NVMe Log 0x02)',
    `Critical Warning:                   0x${disk.health === 'PASSED' ? '00' : '04'}`,
    `Temperature:                        ${disk.temperature} Celsius`,
    'Available Spare:                    100%',
    'Available Spare Threshold:          10%',
    `Percentage Used:                    ${used}%`,
    'Data Units Read:                    12,404,117 [6.35 TB]',
    'Data Units Written:                 48,110,933 [24.6 TB]',
    'Power Cycles:                       41',
    'Power On Hours:                     14,201',
    'Unsafe Shutdowns:                   12',
    'Media and Data Integrity Errors:    0',
    'Error Information Log Entries:      0',
  ];
  return { type: 'text', health: disk.health, text: `\n${text.join('\n')}\n`, wearout: 100 - used };
}

function ataSmart(disk: Disk): Record<string, unknown> {
  const life: [number, string, number, string][] =
    disk.wearout === undefined ? [] : [[202, 'Percent_Lifetime_Remain', disk.wearout, String(100 - disk.wearout)]];
  const rows: [number, string, number, string][] = [
    [5, 'Reallocated_Sector_Ct', 100, '0'],
    [9, 'Power_On_Hours', 98, '14201'],
    [12, 'Power_Cycle_Count', 100, '41'],
    [194, 'Temperature_Celsius', 100 - disk.temperature, `${disk.temperature} (Min/Max 19/51)`],
    [197, 'Current_Pending_Sector', 100, '0'],
    [199, 'UDMA_CRC_Error_Count', 100, '0'],
    ...life,
  ];
  const attributes = rows.map(([id, name, value, raw]) => ({
    id: String(id).padStart(3),
    name,
    flags: '-O--CK',
    value,
    normalized: value,
    worst: value,
    threshold: id === 5 ? 10 : 0,
    fail: '-',
    raw,
  }));
  return { type: 'ata', health: disk.health, attributes };
}

function zfsList(ask: Ask): unknown[] {
  return nodeOf(ask).pools.map((pool) => ({
    name: pool.name,
    size: pool.size,
    alloc: pool.allocated,
    free: pool.size - pool.allocated,
    frag: pool.fragmentation,
    dedup: 1,
    health: pool.health,
  }));
}

function zfsDetail(ask: Ask): Record<string, unknown> {
  const asked = ask.parameters['pool'];
  const pool = nodeOf(ask).pools.find(({ name }) => name === asked);
  if (!pool) throw new ProxmoxError(500, `cannot open '${asked}': no such pool`);
  return {
    name: pool.name,
    state: pool.health,
    ...(pool.health === 'ONLINE' ? {} : { status: 'One or more devices has experienced an unrecoverable error.' }),
    scan: pool.scan,
    errors: 'No known data errors',
    children: [{ ...vdev(pool.name, pool), leaf: 0, children: [mirror(pool)] }],
  };
}

function vdev(name: string, { health, errors }: ZfsPool): Record<string, unknown> {
  return { name, state: health, read: errors.read, write: errors.write, cksum: errors.checksum, msg: '' };
}

function mirror(pool: ZfsPool): Record<string, unknown> {
  const healthy: ZfsPool = { ...pool, health: 'ONLINE', errors: { read: 0, write: 0, checksum: 0 } };
  const children = pool.devices.map((name, index) => ({ ...vdev(name, index === 0 ? pool : healthy), leaf: 1 }));
  return { ...vdev('mirror-0', pool), leaf: 0, children };
}

function certificates(ask: Ask): unknown[] {
  const { certificate } = ask.estate.certificates.get(nodeOf(ask).name) ?? ask.certificate;
  const shown = new X509Certificate(certificate);
  return [
    {
      filename: 'pve-ssl.pem',
      fingerprint: shown.fingerprint256,
      issuer: `/${shown.issuer.replaceAll('\n', '/')}`,
      subject: `/${shown.subject.replaceAll('\n', '/')}`,
      notbefore: Math.floor(Date.parse(shown.validFrom) / 1000),
      notafter: Math.floor(Date.parse(shown.validTo) / 1000),
      'public-key-bits': 256,
      'public-key-type': 'id-ecPublicKey',
      san: ['127.0.0.1', 'localhost'],
      pem: certificate,
    },
  ];
}

function nodeStorages(ask: Ask): unknown[] {
  const node = nodeOf(ask).name;
  return storagesOf(ask.estate, node).map((storage) => {
    const usage = storage.usage.get(node) ?? { total: TiB, used: 0, active: false };
    const { total, used } = usage.active && storage.enabled ? usage : { total: 0, used: 0 };
    return {
      storage: storage.name,
      type: storage.type,
      content: storage.content.join(','),
      shared: flag(storage.shared),
      enabled: flag(storage.enabled),
      active: flag(total > 0),
      total,
      used,
      avail: total - used,
      used_fraction: total > 0 ? used / total : 0,
    };
  });
}

/** What belongs to a node. */
export const nodeRoutes: Routes = {
  '/nodes/{n}/status': status,
  '/nodes/{n}/rrddata': rrdData,
  '/nodes/{n}/storage': nodeStorages,
  '/nodes/{n}/disks/list': (ask) => nodeOf(ask).disks.map(diskView),
  '/nodes/{n}/disks/smart': smart,
  '/nodes/{n}/disks/zfs': zfsList,
  '/nodes/{n}/disks/zfs/{pool}': zfsDetail,
  '/nodes/{n}/certificates/info': certificates,
};
