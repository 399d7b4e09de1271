import type { GpuEntry } from '@lapwing/contracts';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import type { PartOf, PartReader } from '../source.js';
import { readNumber, readText } from './proc.js';

const run = promisify(execFile);
const QUERY = 'index,name,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw';
const LOOK_AGAIN_MS = 300_000;

const figure = (text: string | undefined): number | null => {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
};
const MIB = 2 ** 20;
const mib = (value: number | null): number | null => (value === null ? null : value * MIB);

/** Reads what `nvidia-smi --query-gpu … --format=csv,noheader,nounits` prints; `[N/A]` and the like become null. Memory comes in MiB. */
export function parseNvidiaSmi(text: string): GpuEntry[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(',').map((field) => field.trim());
    const index = figure(fields[0]);
    if (fields.length < 7 || index === null) return [];
    return [
      {
        index,
        name: fields[1] ?? '',
        vendor: 'nvidia',
        utilization: figure(fields[2]),
        memoryUsed: mib(figure(fields[3])),
        memoryTotal: mib(figure(fields[4])),
        temperature: figure(fields[5]),
        powerWatts: figure(fields[6]),
      },
    ];
  });
}

/** Reads AMD cards out of /sys. Source: Documentation/gpu/amdgpu/thermal.rst and driver-misc.rst. */
export function readAmd(root = '/sys/class/drm'): GpuEntry[] {
  const cards = list(root).filter((name) => /^card\d+$/.test(name));
  return cards
    .filter((card) => readText(`${root}/${card}/device/vendor`)?.trim() === '0x1002')
    .map((card, index) => {
      const device = `${root}/${card}/device`;
      const monitor = `${device}/hwmon/${list(`${device}/hwmon`)[0] ?? 'none'}`;
      const degrees = readNumber(`${monitor}/temp1_input`);
      const microwatts = readNumber(`${monitor}/power1_average`) ?? readNumber(`${monitor}/power1_input`);
      return {
        index,
        name: readText(`${device}/product_name`)?.trim() || 'AMD GPU',
        vendor: 'amd',
        utilization: readNumber(`${device}/gpu_busy_percent`) ?? null,
        memoryUsed: readNumber(`${device}/mem_info_vram_used`) ?? null,
        memoryTotal: readNumber(`${device}/mem_info_vram_total`) ?? null,
        temperature: degrees === undefined ? null : degrees / 1000,
        powerWatts: microwatts === undefined ? null : microwatts / 1e6,
      };
    });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Reads graphics cards: NVIDIA's by their own tool, AMD's out of /sys. */
export class GpuReader implements PartReader<'gpu'> {
  readonly part = 'gpu';
  readonly everyMs = 5000;
  readonly limitMs = 8000;
  readonly empty: PartOf<'gpu'> = { available: false, gpus: [] };
  #absentUntil = 0;

  async read(): Promise<PartOf<'gpu'>> {
    const nvidia = await this.#nvidia();
    const gpus = [...nvidia, ...readAmd().map((gpu) => ({ ...gpu, index: gpu.index + nvidia.length }))];
    return { available: gpus.length > 0, gpus };
  }

  async #nvidia(): Promise<GpuEntry[]> {
    if (Date.now() < this.#absentUntil) return [];
    try {
      const options = { timeout: 6000, killSignal: 'SIGKILL' as const, maxBuffer: 2 ** 20 };
      const { stdout } = await run('nvidia-smi', [`--query-gpu=${QUERY}`, '--format=csv,noheader,nounits'], options);
      return parseNvidiaSmi(stdout);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
      this.#absentUntil = Date.now() + LOOK_AGAIN_MS;
      return [];
    }
  }
}
