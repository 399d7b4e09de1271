import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const agent = path.resolve(__dirname, '../dist/agent/lapwing-agent.mjs');

/** What the agent's container may do, as in the manifests: see docs/fleet.md. */
const CAPABILITIES = ['dac_read_search', 'kill', 'sys_chroot'];

/**
 * Builds a root as an image does, with its own release, name, users and limits, and this machine's below /host, read only; then runs the agent in it
 * as the manifests do: root, three capabilities, no new privileges, nothing of the root to write to. The host gets a systemd that is none: a
 * systemctl which answers with the name of the system in whose root it runs.
 */
const SCRIPT = String.raw`
set -eu
inside=$1 node=$2 agent=$3
mount --make-rprivate /
mount -t tmpfs -o mode=755 container "$inside"
cd "$inside"
mkdir -p etc usr proc sys dev host tmp data app run/fake
ln -s usr/bin usr/lib usr/lib64 usr/sbin . 2>/dev/null || true
mount --rbind -o ro /usr usr
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs none sys
mkdir -p sys/fs/cgroup
echo 67108864 >sys/fs/cgroup/memory.max
echo 33554432 >sys/fs/cgroup/memory.current
echo '1000 100000' >sys/fs/cgroup/cpu.max
echo 'usage_usec 1' >sys/fs/cgroup/cpu.stat
echo 'PRETTY_NAME="The image"' >etc/os-release
echo 0000000000000000000000000000dead >etc/machine-id
echo nowhere >etc/hostname
echo 'nobodyelse:x:0:0::/:/bin/sh' >etc/passwd
printf '#!/bin/sh\n. /etc/os-release\necho "$ID.service loaded active $SYSTEMD_IGNORE_CHROOT"\n' >run/fake/systemctl
chmod 755 run/fake/systemctl
mount --rbind / host
mount -o remount,bind,ro host
mount -t tmpfs none host/run
mkdir -p host/run/systemd/system
mount --bind run/fake/systemctl host/usr/bin/systemctl
touch app/node app/agent.mjs
mount --bind "$node" app/node
mount --bind "$agent" app/agent.mjs
mount -t tmpfs none data
mount -t tmpfs none tmp
hostname 0123456789ab
mount -o remount,ro "$inside"
exec chroot "$inside" setpriv --no-new-privs --inh-caps=-all --bounding-set="$4" /app/node --lite-mode --max-old-space-size=128 /app/agent.mjs
`;

/** An agent in something like a container: namespaces of its own for mounts, its name and control groups, and the host's processes and network. */
export class ContainedAgent {
  #printed = '';

  private constructor(
    private readonly folder: string,
    private readonly process: ChildProcess,
  ) {
    for (const stream of [process.stdout, process.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#printed += chunk.toString()));
  }

  /** Starts it; needs root. */
  static async start(environment: Record<string, string>): Promise<ContainedAgent> {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-contained-'));
    const bounding = ['-all', ...CAPABILITIES.map((name) => `+${name}`)].join(',');
    const inside = ['sh', '-c', SCRIPT, 'sh', folder, process.execPath, agent, bounding];
    const child = spawn('unshare', ['--mount', '--uts', '--cgroup', '--', ...inside], {
      env: { PATH: process.env['PATH'], COLLECTOR_HOST_ROOT: '/host', COLLECTOR_DATA_DIR: '/data', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new ContainedAgent(folder, child);
  }

  get printed(): string {
    return this.#printed;
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** Ends it, and removes what is left of it: its mounts end with its namespace. */
  async remove(): Promise<void> {
    if (!this.hasEnded) {
      const exited = once(this.process, 'exit');
      this.process.kill('SIGTERM');
      await exited;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
