import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { eventually } from '@lapwing/testing';

/**
 * Starts a systemd of its own on a copy of this machine: what is written goes into memory and is gone with it. It shares the network, so ports are
 * chosen by whoever tests. $2 is a folder that is put into /usr of the copy, $3 one that is found there as /srv/release.
 */
const BOOT = String.raw`
set -eu
work=$1 extra=$2 release=$3
mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
root=$work/root
if [ -n "$extra" ]; then cp -rn "$extra/." "$root/usr/"; fi
mkdir -p "$root/srv/release"
mount --bind "$release" "$root/srv/release"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 none "$root/run"
mount -t tmpfs none "$root/tmp"
mount -t tmpfs none "$root/root"
mount -t tmpfs -o mode=755 none "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts" "$root/former"
mount -t tmpfs none "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
rm -rf "$root/etc/systemd/system" && mkdir "$root/etc/systemd/system"
printf '[Unit]\nDescription=Nothing\n' >"$root/etc/systemd/system/nothing.target"
cd "$root"
pivot_root . former
umount -l /former
exec env -i container=lapwing PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=nothing.target --show-status=no
`;

/** Why no systemd can be started here; undefined where one can. */
export function whyNoMachine(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'it needs root on Linux';
  if (!fs.existsSync('/lib/systemd/systemd')) return 'there is no systemd on this machine (Debian: package systemd)';
  const { status, stderr } = spawnSync('unshare', ['--mount', '--pid', '--fork', '--cgroup', 'true'], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `namespaces are forbidden: ${stderr.trim()}`;
}

/** A machine on which systemd is the first process. */
export class Machine {
  private constructor(
    private readonly folder: string,
    private readonly process: ChildProcess,
    private readonly init: number,
  ) {}

  /** @param extra what is installed there beside what this machine has: a folder like /usr. @param release found as /srv/release */
  static async boot(extra: string, release: string): Promise<Machine> {
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'lapwing-machine-'));
    const own = ['--pid', '--mount', '--uts', '--ipc', '--cgroup', '--fork', '--kill-child'];
    const child = spawn('unshare', [...own, 'sh', '-c', BOOT, 'sh', folder, extra, release], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let printed = '';
    child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const init = await eventually(() => {
      if (child.exitCode !== null) throw new Error(printed);
      const [first = ''] = fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ');
      if (!fs.readFileSync(`/proc/${first}/comm`, 'utf8').startsWith('systemd')) throw new Error('it does not run yet');
      return Number(first);
    });
    const machine = new Machine(folder, child, init);
    await eventually(async () => {
      if ((await machine.run('systemctl', 'is-system-running')).out.trim() === 'offline')
        throw new Error('systemd is not there yet');
    });
    return machine;
  }

  /** Runs a program there, to its end. */
  async run(...command: string[]): Promise<{ status: number | null; out: string; err: string }> {
    const enter = ['-t', String(this.init), '--mount', '--pid', '--uts', '--ipc', '--cgroup', '--', ...command];
    const child = spawn('nsenter', enter, {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 150_000,
    });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return { status: child.exitCode, out, err };
  }

  /** The same for what must succeed; gives what it printed, without the end of its last line. */
  async done(...command: string[]): Promise<string> {
    const { status, out, err } = await this.run(...command);
    if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}:\n${out}${err}`);
    return out.trimEnd();
  }

  /** Ends it and everything in it, at once. */
  async end(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exited = once(this.process, 'exit');
      // The first process of its namespace: the kernel ends all others with it.
      process.kill(this.init, 'SIGKILL');
      await exited;
    }
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
