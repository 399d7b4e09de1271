import { parseCpuMax, parseCpuinfo, parseStat } from './cpu.part';
import { parseDiskstats, parseMountinfo } from './disk.part';
import { cpuOf, memoryOf } from '../docker/engine';
import { parseNvidiaSmi, readAmd } from './gpu.part';
import { parseMeminfo, withinGroup } from './memory.part';
import { parseConnections, parseNetDev } from './network.part';
import { percentOf, ratePerSecond } from './proc';
import { parseProcessStat } from './process-table';
import { parseOsRelease } from './system.part';
import { parseUnits } from './systemd.part';
import { readSensors } from './temperature.part';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const GIB = 2 ** 30;

/** A folder with files of the given content, as /sys has them. */
function tree(files: Record<string, string>): string {
  const root = mkdtempSync(path.join(tmpdir(), 'lapwing-sys-'));
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), content);
  }
  return root;
}

describe('/proc/stat', () => {
  it('tells busy and all ticks; waiting for a disk is idle, guests are not counted twice', () => {
    const { all, cores } = parseStat(
      'cpu  100 20 30 400 50 6 7 8 90 10\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu3 1 1 1 1 1 1 1 1 0 0\nintr 5\n',
    );
    expect(all).toEqual({ busy: 171, total: 621 });
    expect([...cores.keys()]).toEqual([0, 3]);
  });
});

describe('/proc/cpuinfo and cpu.max', () => {
  it('tells the model and the clock', () => {
    expect(parseCpuinfo('model name\t: Xeon\ncpu MHz\t\t: 2100.5\nmodel name\t: Xeon\ncpu MHz\t\t: 800\n')).toEqual({
      model: 'Xeon',
      mhz: [2100.5, 800],
    });
    expect(parseCpuinfo('Hardware\t: BCM\nModel\t\t: Raspberry Pi 4\n')).toEqual({ model: 'Raspberry Pi 4', mhz: [] });
  });
  it.each([
    ['200000 100000', 2],
    ['50000 100000', 0.5],
    ['max 100000', undefined],
    ['', undefined],
  ])('cpu.max "%s" is %p cores', (text, cores) => {
    expect(parseCpuMax(text)).toBe(cores);
  });
});

describe('/proc/meminfo', () => {
  const text = `MemTotal: ${16 * 2 ** 20} kB\nMemFree: ${4 * 2 ** 20} kB\nMemAvailable: ${7 * 2 ** 20} kB\nBuffers: ${2 ** 20} kB\nCached: ${2 * 2 ** 20} kB\nSwapTotal: ${2 ** 20} kB\nSwapFree: ${2 ** 19} kB\nSReclaimable: ${2 ** 20} kB\n`;
  it('counts caches as not used; the parts make the whole', () => {
    const memory = parseMeminfo(text);
    expect(memory).toEqual({
      total: 16 * GIB,
      used: 8 * GIB,
      free: 4 * GIB,
      available: 7 * GIB,
      buffers: GIB,
      cached: 3 * GIB,
      swapTotal: GIB,
      swapUsed: GIB / 2,
    });
    expect(memory.used + memory.free + memory.buffers + memory.cached).toBe(memory.total);
  });
  it('is narrowed to the limit of a container', () => {
    const group = { limit: 2 * GIB, current: 1.5 * GIB, file: GIB, inactiveFile: 0.75 * GIB };
    expect(withinGroup(parseMeminfo(text), group)).toMatchObject({
      total: 2 * GIB,
      used: 0.5 * GIB,
      free: 0.5 * GIB,
      cached: GIB,
      available: 1.25 * GIB,
    });
    expect(withinGroup(parseMeminfo(text), { ...group, limit: 64 * GIB })).toEqual(parseMeminfo(text));
    expect(withinGroup(parseMeminfo(text), undefined)).toEqual(parseMeminfo(text));
  });
});

describe('mounts and disks', () => {
  it('has each device once, at its shortest mount point, without pseudo file systems', () => {
    const lines = [
      '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
      '23 22 0:5 / /proc rw - proc proc rw',
      '24 22 8:1 /sub /var/lib/deep/bind rw - ext4 /dev/sda1 rw',
      '25 22 8:2 / /mnt/with\\040space rw shared:1 - xfs /dev/sdb1 rw',
      '26 22 0:40 / /run rw - tmpfs tmpfs rw',
      '27 22 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw',
      '28 22 0:60 / /net rw - nfs4 server:/share rw',
    ];
    expect(parseMountinfo(lines.join('\n')).map(({ mountpoint, fstype }) => [mountpoint, fstype])).toEqual([
      ['/', 'ext4'],
      ['/mnt/with space', 'xfs'],
      ['/net', 'nfs4'],
    ]);
  });
  it('has the root of a container, which is an overlay', () => {
    expect(parseMountinfo('1 0 0:50 / / rw - overlay overlay rw')).toHaveLength(1);
  });
  it('counts sectors of 512 bytes and leaves loops out', () => {
    const text = '   8       0 sda 10 0 100 0 20 0 200 0 0 0 0\n   7       0 loop0 1 0 1 0 1 0 1 0 0 0 0\n';
    expect(parseDiskstats(text)).toEqual([{ device: 'sda', readBytes: 51_200, writeBytes: 102_400 }]);
  });
});

describe('the network', () => {
  it("has interfaces without the loopback and containers' ends", () => {
    const text =
      'Inter-|\n face |bytes\n    lo: 5 0 0 0 0 0 0 0 5 0\n  eth0: 1000 1 0 0 0 0 0 0 2000 2\nveth12: 1 1 0 0 0 0 0 0 1 1\n';
    expect(parseNetDev(text)).toEqual([{ name: 'eth0', rxBytes: 1000, txBytes: 2000 }]);
  });
  it('counts connections', () => {
    expect(parseConnections('Ip: a b\nIp: 1 2\nTcp: RtoAlgorithm CurrEstab InSegs\nTcp: 1 42 7\n')).toBe(42);
    expect(parseConnections('')).toBe(0);
  });
});

describe('a process', () => {
  it('may have any name', () => {
    const rest = `S 1 ${Array.from({ length: 48 }, (_, index) => index + 5).join(' ')}`;
    expect(parseProcessStat(`77 (a) (b c) ${rest}`)).toMatchObject({
      pid: 77,
      name: 'a) (b c',
      state: 'S',
      parent: 1,
      ticks: 29,
      threads: 20,
      startTicks: 22,
      pages: 24,
    });
    expect(parseProcessStat('')).toBeUndefined();
  });
});

describe('rates and shares', () => {
  it('never are negative, infinite or NaN', () => {
    expect(ratePerSecond(100, 50, 5)).toBe(10);
    expect([ratePerSecond(50, 100, 5), ratePerSecond(100, 50, 0)]).toEqual([0, 0]);
    expect([percentOf(1, 3), percentOf(5, 0), percentOf(-1, 5), percentOf(9, 5)]).toEqual([33.33, 0, 0, 100]);
  });
});

describe('graphics cards', () => {
  it('NVIDIA: what the driver does not tell is null', () => {
    const text =
      '0, NVIDIA RTX A5500, 75, 12288, 24564, 65, 180.51\n1, Tesla T4, [N/A], [Not Supported], 15360, [N/A], [Unknown Error]\nnonsense\n';
    expect(parseNvidiaSmi(text)).toEqual([
      {
        index: 0,
        name: 'NVIDIA RTX A5500',
        vendor: 'nvidia',
        utilization: 75,
        memoryUsed: 12_288 * 2 ** 20,
        memoryTotal: 24_564 * 2 ** 20,
        temperature: 65,
        powerWatts: 180.51,
      },
      {
        index: 1,
        name: 'Tesla T4',
        vendor: 'nvidia',
        utilization: null,
        memoryUsed: null,
        memoryTotal: 15_360 * 2 ** 20,
        temperature: null,
        powerWatts: null,
      },
    ]);
  });
  it("AMD: out of /sys, without connectors and without others' cards", () => {
    const root = tree({
      'card0/device/vendor': '0x1002\n',
      'card0/device/gpu_busy_percent': '37\n',
      'card0/device/mem_info_vram_used': '1000\n',
      'card0/device/mem_info_vram_total': '2000\n',
      'card0/device/hwmon/hwmon3/temp1_input': '54000\n',
      'card0/device/hwmon/hwmon3/power1_average': '31000000\n',
      'card0-HDMI-A-1/status': 'connected\n',
      'card1/device/vendor': '0x8086\n',
    });
    expect(readAmd(root)).toEqual([
      {
        index: 0,
        name: 'AMD GPU',
        vendor: 'amd',
        utilization: 37,
        memoryUsed: 1000,
        memoryTotal: 2000,
        temperature: 54,
        powerWatts: 31,
      },
    ]);
    rmSync(root, { recursive: true });
  });
});

describe('temperatures', () => {
  it('come from hwmon with their limits', () => {
    const root = tree({
      'hwmon/hwmon0/name': 'coretemp\n',
      'hwmon/hwmon0/temp1_input': '45500\n',
      'hwmon/hwmon0/temp1_label': 'Core 0\n',
      'hwmon/hwmon0/temp1_max': '80000\n',
      'hwmon/hwmon0/temp2_input': '40000\n',
    });
    expect(readSensors(root)).toEqual([
      { name: 'Core 0', value: 45.5, high: 80, critical: null },
      { name: 'coretemp temp2', value: 40, high: null, critical: null },
    ]);
    rmSync(root, { recursive: true });
  });
  it('come from thermal zones where there is no hwmon, else there are none', () => {
    const root = tree({ 'thermal/thermal_zone0/temp': '51000\n', 'thermal/thermal_zone0/type': 'cpu-thermal\n' });
    expect(readSensors(root)).toEqual([{ name: 'cpu-thermal', value: 51, high: null, critical: null }]);
    rmSync(root, { recursive: true });
    expect(readSensors('/nowhere')).toEqual([]);
  });
});

describe('containers', () => {
  const stats = (total: number, system: number) => ({
    cpu_stats: { cpu_usage: { total_usage: total }, system_cpu_usage: system, online_cpus: 4 },
  });
  it('use is percent of a core since the last reading', () => {
    expect(cpuOf(stats(2000, 20_000), stats(1000, 10_000))).toBe(40);
    expect(cpuOf(stats(2000, 20_000), undefined)).toBe(0);
    expect(cpuOf(stats(100, 20_000), stats(1000, 10_000))).toBe(0);
    expect(cpuOf({}, {})).toBe(0);
  });
  it('memory leaves the page cache out', () => {
    expect(memoryOf({ memory_stats: { usage: 1000, stats: { inactive_file: 300 } } })).toBe(700);
    expect(memoryOf({ memory_stats: { usage: 1000, stats: { total_inactive_file: 400 } } })).toBe(600);
    expect(memoryOf({})).toBe(0);
  });
});

describe('text of the system', () => {
  it('os-release', () => {
    expect(parseOsRelease('NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')).toBe(
      'Debian GNU/Linux 12 (bookworm)',
    );
    expect(parseOsRelease('')).toBe('Linux');
  });
  it('systemctl', () => {
    expect(
      parseUnits('cron.service loaded active running Regular jobs\nghost.service not-found inactive dead ghost\n\n'),
    ).toEqual([{ name: 'cron.service', state: 'active', subState: 'running' }]);
  });
});
