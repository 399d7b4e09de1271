import { eventually } from '@lapwing/testing';
import { appendFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../src/config';
import { ownContainer } from '../src/sources/docker/own-container';
import { MemoryReader } from '../src/sources/host/memory.part';
import { ProcessTable } from '../src/sources/host/process-table';
import { SystemReader } from '../src/sources/host/system.part';
import { parseMountinfo } from '../src/sources/host/disk.part';
import { fileLogs } from '../src/sources/log-file/file-logs';
import { Host } from '../src/store/host';
import { machineFingerprint, machineId } from '../src/store/machine';

describe('a host whose root is mounted at a folder', () => {
  let folder: string;
  let root: string;
  let host: Host;

  const put = async (file: string, text: string): Promise<void> => {
    await mkdir(path.dirname(root + file), { recursive: true });
    await writeFile(root + file, text);
  };

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-host-'));
    root = path.join(folder, 'host');
    host = new Host(root);
    await put('/usr/lib/os-release', 'PRETTY_NAME="Host OS 7"\n');
    await put('/etc/machine-id', '0123456789abcdef0123456789abcdef\n');
    await put('/etc/hostname', '# said by the installer\nweb-1\n');
    await symlink('/usr/lib/os-release', `${root}/etc/os-release`);
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is what all that names it says: system, machine, name, id', async () => {
    expect(await new SystemReader(host).read()).toMatchObject({ hostname: 'web-1', distro: 'Host OS 7' });
    expect(machineId(host)).toBe('0123456789abcdef0123456789abcdef');
    expect(machineFingerprint(host)).not.toBe(machineFingerprint(new Host()));
    const config = loadConfig({ COLLECTOR_HOST_ROOT: `${root}/` });
    expect(config).toMatchObject({ COLLECTOR_HOST_ROOT: root, COLLECTOR_AGENT_ID: 'web-1' });
    expect(loadConfig({ COLLECTOR_HOST_ROOT: root, COLLECTOR_AGENT_ID: 'db-1' }).COLLECTOR_AGENT_ID).toBe('db-1');
  });

  it('has the name of this system where its own says nothing', async () => {
    await put('/etc/hostname', 'localhost\n');
    expect(host.name).toBe(hostname());
  });

  it.each(['/nowhere/at/all', 'etc', '/etc/passwd'])('must be a folder that is there, not %s', (value) => {
    expect(() => loadConfig({ COLLECTOR_HOST_ROOT: value })).toThrow(
      /COLLECTOR_HOST_ROOT: the absolute path of a folder/,
    );
  });

  it('follows links as the host would, and none leads out of it', async () => {
    await put('/run/docker.sock', '');
    await symlink('/run', `${root}/var-run`);
    await symlink('../../../../../etc/passwd', `${root}/etc/out`);
    await symlink('circle', `${root}/etc/circle`);
    expect(host.path('/var-run/docker.sock')).toBe(`${root}/run/docker.sock`);
    expect(host.path('/etc/out')).toBe(`${root}/etc/passwd`);
    expect(host.path('/etc/circle')).toBe(`${root}/etc/circle`);
    expect(host.path('/not/there')).toBe(`${root}/not/there`);
    expect(new Host().path('/var/run/docker.sock')).toBe('/var/run/docker.sock');
  });

  it('names users as it does', async () => {
    const uid = process.getuid?.() ?? 0;
    await put('/etc/passwd', `keeper:x:${uid}:0::/:/bin/sh\n`);
    const table = new ProcessTable(() => 1, host);
    await table.scan();
    expect((await table.detail(process.pid)).user).toBe('keeper');
  });

  it('has the limits of the container that it is itself, and not those of the one in which the agent runs', async () => {
    const whole = (await new MemoryReader(host).read()).total;
    expect(whole).toBeGreaterThan(2 ** 28);
    for (const [name, text] of Object.entries({ 'memory.max': `${2 ** 27}`, 'memory.current': `${2 ** 26}` }))
      await put(`/sys/fs/cgroup/${name}`, `${text}\n`);
    expect((await new MemoryReader(host).read()).total).toBe(2 ** 27);
    await put('/proc/stat', 'btime 1\n');
    await put('/proc/meminfo', 'MemTotal: 65536 kB\n');
    expect((await new MemoryReader(host).read()).total).toBe(2 ** 26);
  });

  it('has the mounts that lie there, under its own names', () => {
    const text = [
      '10 1 0:50 / / rw - overlay overlay rw',
      '11 10 254:1 / /host ro - ext4 /dev/vda1 rw',
      '12 11 254:2 / /host/srv/a\\040b ro - xfs /dev/vdb rw',
      '13 11 0:7 / /host/proc ro - proc proc rw',
      '14 10 254:1 /etc/hosts /etc/hosts rw - ext4 /dev/vda1 rw',
      '15 10 254:9 / /hostile rw - ext4 /dev/vdz rw',
    ].join('\n');
    expect(parseMountinfo(text, '/host')).toEqual([
      { id: '254:1', device: '/dev/vda1', mountpoint: '/', fstype: 'ext4' },
      { id: '254:2', device: '/dev/vdb', mountpoint: '/srv/a b', fstype: 'xfs' },
    ]);
    expect(parseMountinfo(text).map(({ mountpoint }) => mountpoint)).toContain('/hostile');
  });

  it('has its log files, under its own names, and no link leads out', async () => {
    await put('/var/log/app.log', '');
    await put('/etc/shadow.log', 'secret\n');
    await writeFile(path.join(folder, 'outside.log'), 'outside\n');
    await symlink('../../etc/shadow.log', `${root}/var/log/near.log`);
    await symlink(path.join(folder, 'outside.log'), `${root}/var/log/far.log`);
    const source = fileLogs([{ kind: 'file', path: '/var/log/*.log' }], {
      host,
      folders: ['/var/log'],
      linesPerSecond: 1000,
    });
    await source.start({ [`file@${root}/var/log/*.log`]: 0 });
    try {
      await appendFile(`${root}/var/log/app.log`, 'hello\n');
      const taken: { name: string; message: string }[] = [];
      await eventually(async () => {
        taken.push(...((await source.read(100))?.entries ?? []));
        expect(taken).toContainEqual(expect.objectContaining({ name: '/var/log/app.log', message: 'hello' }));
      });
      expect(taken.map(({ message }) => message)).toEqual(['hello']);
      expect(source.problems().filter((text) => text.includes('not below')).length).toBe(2);
    } finally {
      await source.stop();
    }
  });

  it('has log folders that are links where the host would find them, and never in the container', async () => {
    await symlink(path.join(folder, 'of-container'), `${root}/srv-logs`);
    await mkdir(path.join(folder, 'of-container'), { recursive: true });
    await writeFile(path.join(folder, 'of-container/a.log'), '');
    await put(path.join(folder, 'of-container/a.log'), '');
    const source = fileLogs([{ kind: 'file', path: '/srv-logs/*.log' }], {
      host,
      folders: ['/srv-logs'],
      linesPerSecond: 1000,
    });
    await source.start({});
    try {
      await appendFile(path.join(folder, 'of-container/a.log'), 'of the container\n');
      await appendFile(`${root}${folder}/of-container/a.log`, 'of the host\n');
      const taken: string[] = [];
      await eventually(async () => {
        taken.push(...((await source.read(100))?.entries ?? []).map(({ message }) => message));
        expect(taken).toEqual(['of the host']);
      });
    } finally {
      await source.stop();
    }
  });

  it('runs its programs in its root', () => {
    expect(host.command('journalctl')).toEqual(['chroot', root, 'journalctl']);
    expect(new Host().command('journalctl')).toEqual(['journalctl']);
  });
});

describe('the container in which this runs', () => {
  const id = 'ab'.repeat(32);

  it('is known by what the engine put into it, also where it has the name of the host', () => {
    const line = `99 1 254:1 /var/lib/docker/containers/${id}/hosts /etc/hosts rw - ext4 /dev/vda1 rw`;
    const other = `98 1 254:1 / /host/var/lib/docker/containers/${'cd'.repeat(32)}/mounts/shm rw - ext4 /dev/vda1 rw`;
    expect(ownContainer(`${other}\n${line}\n`, 'web-1')).toBe(id);
    expect(ownContainer(other, 'web-1')).toBeUndefined();
    expect(ownContainer('', id.slice(0, 12))).toBe(id.slice(0, 12));
  });
});
