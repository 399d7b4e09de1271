import { totalmem } from 'node:os';
import type { AnyPartReader } from './source.js';
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

/** The table of processes, which is read with every sample and asked by commands. */
export function createProcessTable(): ProcessTable {
  const total = totalmem();
  return new ProcessTable(() => total);
}

/** The list of what is read of a Linux host. */
export function linuxReaders(table: ProcessTable, dockerSocket: string): AnyPartReader[] {
  return [
    new SystemReader(),
    new CpuReader(),
    new MemoryReader(),
    new DiskReader(),
    new NetworkReader(),
    new ProcessesReader(table),
    new TemperatureReader(),
    new GpuReader(),
    new DockerReader(dockerSocket),
    new SystemdReader(),
  ];
}
