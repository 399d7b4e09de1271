import { eventually, freePort } from '@lapwing/testing';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { Machine, whyNoMachine } from './systemd-machine';

const root = path.resolve(__dirname, '..');
const reason = whyNoMachine();
if (reason !== undefined) process.stderr.write(`NOT TRIED: the server as a service of a real systemd: ${reason}\n`);

const INSTALL = '/srv/release/deploy/systemd/install.sh';

(reason === undefined ? describe : describe.skip)('the server as a service of systemd', () => {
  const home = fs.mkdtempSync(path.join(tmpdir(), 'lapwing-service-'));
  let machine: Machine;
  let port: number;

  beforeAll(async () => {
    const cli = (...args: string[]): Buffer =>
      execFileSync(process.execPath, [path.join(root, 'deploy/release/cli.mjs'), ...args], { stdio: 'pipe' });
    const key = path.join(home, 'key');
    const release = path.join(home, 'release');
    cli('keygen', '--out', key);
    cli('stage', '--version', '1.0.0', '--to', release, '--key', key);
    // As if NATS and Redis were installed there, where `npm test` had to fetch them.
    const fetched = path.join(root, '.data/debian/usr');
    machine = await Machine.boot(fs.existsSync(fetched) ? fetched : '', release);
    port = await freePort();
    await machine.done('sh', '-c', `umask 077; mkdir -p /etc/lapwing; echo PORT=${port} >/etc/lapwing/lapwing.env`);
  }, 180_000);
  afterAll(async () => {
    await machine?.end();
    fs.rmSync(home, { recursive: true, force: true });
  }, 60_000);

  const show = (property: string): Promise<string> =>
    machine.done('systemctl', 'show', '--value', '-p', property, 'lapwing.service');
  /** Runs a script where the service runs, with the file systems that it sees, as its user. */
  const inside = async (script: string): Promise<{ out: string; err: string }> => {
    const user = ['setpriv', '--reuid=lapwing', '--regid=lapwing', '--init-groups', '--no-new-privs'];
    return machine.run('nsenter', '-t', await show('MainPID'), '-m', '--', ...user, 'sh', '-c', script);
  };

  it('refuses a port that is in use, before it changes anything', async () => {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    try {
      const refused = await machine.run('bash', INSTALL);
      expect(refused).toMatchObject({
        status: 1,
        err: expect.stringContaining(`cannot listen on port ${port} of 127.0.0.1`),
      });
      expect((await machine.run('ls', '/opt/lapwing', '/etc/systemd/system/lapwing.service')).out).toBe('');
    } finally {
      server.close();
    }
  });

  it('is installed, starts, and is ready with all that it brings', async () => {
    const out = await machine.done('bash', INSTALL);
    expect(out).toContain(`1.0.0 is installed and runs: http://127.0.0.1:${port}/api/docs`);
    const answer = await fetch(`http://127.0.0.1:${port}/api/system/health/ready`);
    expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ ready: true })]);
    expect([await show('User'), await show('NRestarts'), await show('UnitFileState')]).toEqual([
      'lapwing',
      '0',
      'enabled',
    ]);
    const processes = await machine.done('ps', '-o', 'comm=', '-u', 'lapwing');
    for (const program of ['node', 'postgres', 'nats-server', 'redis-server']) expect(processes).toContain(program);
    const others = await machine.done('ps', '-N', '-u', 'lapwing', '-o', 'comm=');
    for (const program of ['postgres', 'nats-server', 'redis-server']) expect(others).not.toContain(program);
  }, 150_000);

  it('has no privileges, and writes to its data and its installation alone', async () => {
    const status = await machine.done('cat', `/proc/${await show('MainPID')}/status`);
    for (const set of ['Prm', 'Eff', 'Bnd', 'Amb']) expect(status).toMatch(new RegExp(`^Cap${set}:\\s+0+$`, 'm'));
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    for (const file of [
      '/usr/x',
      '/etc/x',
      '/srv/x',
      '/opt/x',
      '/opt/lapwing/x',
      '/var/lib/x',
      '/home/x',
      '/proc/sys/vm/swappiness',
    ])
      expect((await inside(`echo 1 >${file}`)).err).toMatch(/Read-only file system|Permission denied/);
    for (const file of ['/var/lib/lapwing/x', '/opt/lapwing/server/x'])
      expect(await inside(`echo 1 >${file} && rm ${file}`)).toMatchObject({ err: '' });
    expect(await machine.done('stat', '-c', '%a', '/var/lib/lapwing', '/etc/lapwing')).toBe('700\n755');
  });

  it('reads this machine, whose own agent is part of it', async () => {
    const password = await machine.done('cat', '/var/lib/lapwing/admin-password');
    const url = `http://127.0.0.1:${port}/api/v1`;
    const login = await fetch(`${url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'admin', password }),
    });
    const { token } = (await login.json()) as { token: string };
    const resources = await eventually(async () => {
      const answer = await fetch(`${url}/system/resources`, { headers: { authorization: `Bearer ${token}` } });
      if (answer.status !== 200) throw new Error(await answer.text());
      return (await answer.json()) as { disk: { total: number }; memory: { total: number } };
    }, 30_000);
    const [, size = ''] = (await machine.done('df', '-B1', '--output=size', '/')).split('\n');
    expect(resources).toMatchObject({ disk: { total: Number(size) }, memory: { total: totalmem() } });
    // Without a D-Bus daemon, which this machine may lack, systemctl answers nobody but root.
    const log = await machine.done('sh', '-c', 'cat /var/lib/lapwing/logs/standalone-*.log');
    const unread = log.split('\n').filter((line) => line.includes('a part cannot be read') && !line.includes('bus'));
    expect(unread).toEqual([]);
  }, 60_000);

  it('is not restarted when it is installed again, and is when its unit has changed', async () => {
    const before = await show('MainPID');
    expect(await machine.done('bash', INSTALL)).toContain('is installed already and runs');
    expect(await show('MainPID')).toBe(before);
    await machine.done('sh', '-c', 'echo "# changed" >>/etc/systemd/system/lapwing.service');
    expect(await machine.done('bash', INSTALL)).toContain('is installed and runs');
    expect(await show('MainPID')).not.toBe(before);
  }, 150_000);

  it('ends in time and in order, with all that it started', async () => {
    const begun = performance.now();
    await machine.done('systemctl', 'stop', 'lapwing.service');
    expect(performance.now() - begun).toBeLessThan(40_000);
    expect([await show('Result'), await show('ActiveState')]).toEqual(['success', 'inactive']);
    expect((await machine.run('ps', '-o', 'comm=', '-u', 'lapwing')).out).toBe('');
    const log = await machine.done('sh', '-c', 'tail -n 3 /var/lib/lapwing/postgres/postgres.log');
    expect(log).toContain('database system is shut down');
  }, 90_000);

  it('follows as root nothing that the service has put where it may write', async () => {
    const asServer = (command: string): Promise<string> =>
      machine.done('setpriv', '--reuid', 'lapwing', '--regid', 'lapwing', '--init-groups', 'sh', '-c', command);
    await machine.done(
      'sh',
      '-c',
      'mkdir -p /victim/archives && echo mine >/victim/settings.mjs && touch /victim/archives/a',
    );
    await asServer(
      'cd /opt/lapwing/server && mv guard former && ln -s /victim guard && rm -rf updates && ln -s /victim updates',
    );
    expect((await machine.run('bash', INSTALL, '--no-start')).status).not.toBe(0);
    await asServer('cd /opt/lapwing/server && rm guard && mv former guard');
    await machine.done('bash', '/opt/lapwing/uninstall-server.sh');
    expect(await machine.done('cat', '/victim/settings.mjs')).toBe('mine');
    expect(await machine.done('ls', '/victim/archives')).toBe('a');
    await machine.done('bash', INSTALL, '--no-start');
  }, 90_000);

  it('is taken away, first without its data, then with all', async () => {
    expect(await machine.done('stat', '-c', '%U %a', '/opt/lapwing/uninstall-server.sh')).toBe('root 755');
    const left = await machine.done('bash', '/opt/lapwing/uninstall-server.sh');
    for (const kept of ['/var/lib/lapwing', '/etc/lapwing/lapwing.env', 'the user lapwing'])
      expect(left).toContain(`left: ${kept}`);
    expect((await machine.run('systemctl', 'cat', 'lapwing.service')).err).toContain(
      'No files found for lapwing.service',
    );
    await machine.done('bash', '/srv/release/deploy/systemd/uninstall.sh', '--purge');
    expect((await machine.run('ls', '/opt/lapwing', '/var/lib/lapwing', '/etc/lapwing')).out).toBe('');
    expect((await machine.run('id', 'lapwing')).status).toBe(1);
  });
});
