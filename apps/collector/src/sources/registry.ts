import { totalmem } from 'node:os';
import type { Host } from '../store/host.js';
import type { AnyPartReader, Processes } from './source.js';
import { CpuReader } from './host/cpu.part.js';
import { DiskReader } from './host/disk.part.js';
import { DockerReader } from './host/docker.part.js';
import { GpuReader } from './host/gpu.part.js';
import { MemoryReader } from './host/memory.part.js';
import { NetworkReader } from './host/network.part.js';
import { ProcessTable } from './host/process-table.js';
import { ProcessesReader } from './host/processes.part.js';
import { SystemReader } from './host/system.part.js';
import { SystemdReader } from './host/systemd.part.js';
import { TemperatureReader } from './host/temperature.part.js';

/** What is read of a host, and its processes, which commands ask for, too. */
export interface HostReaders {
  processes: Processes;
  readers: AnyPartReader[];
}

/** The list of what is read of a host: directly on Linux, through systeminformation elsewhere. */
export async function hostReaders(platform: NodeJS.Platform, dockerSocket: string, host: Host): Promise<HostReaders> {
  const { processes, readers } = platform === 'linux' ? linuxReaders(host) : await portableReaders();
  const shared = [
    new ProcessesReader(processes),
    new GpuReader(),
    new DockerReader(host.path(dockerSocket)),
    new SystemdReader(host),
  ];
  return { processes, readers: [...readers, ...shared] };
}

function linuxReaders(host: Host): HostReaders {
  const total = totalmem();
  const readers = [
    new SystemReader(host),
    new CpuReader(host),
    new MemoryReader(host),
    new DiskReader(host),
    new NetworkReader(),
    new TemperatureReader(),
  ];
  return { processes: new ProcessTable(() => total, host), readers };
}

/** systeminformation is loaded only where it is used: it would cost a Linux host 10 MB for nothing. */
async function portableReaders(): Promise<HostReaders> {
  const [parts, { PortableProcessTable }] = await Promise.all([
    import('./host/portable/portable.parts.js'),
    import('./host/portable/portable-process-table.js'),
  ]);
  const readers = [
    new parts.PortableSystemReader(),
    new parts.PortableCpuReader(),
    new parts.PortableMemoryReader(),
    new parts.PortableDiskReader(),
    new parts.PortableNetworkReader(),
    new parts.PortableTemperatureReader(),
  ];
  return { processes: new PortableProcessTable(), readers };
}
