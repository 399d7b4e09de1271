import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { eventually } from './eventually.js';

/** What a container is given. */
export interface ContainerOptions {
  /** The folder that is `/app`, read only. */
  app: string;
  command: string[];
  environment: Record<string, string>;
  /** User and group, numbers. */
  user: number;
  /** What root is left with. */
  capabilities?: string[];
  /** Folders of this machine, by where they are mounted. */
  volumes?: { source: string; target: string; readOnly: boolean }[];
}

/** Whether this machine lets a test make namespaces, which only root may without further ado; says loudly when it does not. */
export function canContain(): boolean {
  const { status } = spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']);
  const can = process.getuid?.() === 0 && status === 0;
  if (!can) process.stderr.write('\n!!! NO NAMESPACES HERE: nothing is run as in a container !!!\n\n');
  return can;
}

/**
 * A process as in a container: the first one of its own process namespace, with a root of its own that cannot be written, a new `/tmp`, the
 * volumes and nothing else, as the given user without capabilities and without a way to new privileges. The network is this machine's,
 * so that it reaches the servers of tests.
 */
export class Contained {
  readonly #process: ChildProcess;
  #output = '';

  private constructor(options: ContainerOptions) {
    const { app, command, environment, user, capabilities = [], volumes = [] } = options;
    const binds = volumes.flatMap(({ source, target, readOnly }) => [source, target, readOnly ? 'ro' : 'rw']);
    const bounds = ['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',');
    const words = [process.execPath, app, String(user), bounds, String(volumes.length), ...binds, ...command];
    this.#process = spawn(
      'setpriv',
      [
        '--pdeathsig',
        'KILL',
        'unshare',
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        'sh',
        '-euc',
        ENTER,
        'sh',
        ...words,
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin:/usr/sbin`,
          HOME: '/tmp',
          ...environment,
        },
      },
    );
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  /** Starts one. */
  static start(options: ContainerOptions): Contained {
    return new Contained(options);
  }

  /** Runs one that ends by itself. */
  static async run(options: ContainerOptions): Promise<{ code: number | null; output: string }> {
    const container = new Contained(options);
    const code = await container.ended();
    return { code, output: container.output };
  }

  /** What it has printed. */
  get output(): string {
    return this.#output;
  }

  /** Whether it runs. */
  get runs(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Waits for its end. Returns its exit status, null when a signal ended it. */
  async ended(): Promise<number | null> {
    if (this.runs) await once(this.#process, 'close');
    return this.#process.exitCode;
  }

  /** Sends SIGTERM to its first process, as `docker stop` does, and waits for its end. */
  async stop(): Promise<number | null> {
    process.kill(await this.#first(), 'SIGTERM');
    return this.ended();
  }

  /** Ends it at once, whatever it does. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** The number of its first process out here. */
  async #first(): Promise<number> {
    const { pid } = this.#process;
    return eventually(() => {
      const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
      if (!child) throw new Error(`it does not run: ${this.#output}`);
      return Number(child);
    });
  }
}

/** Makes the root, goes there, and becomes the user and the command. */
const ENTER = `
node=$1 app=$2 user=$3 bounds=$4 count=$5
shift 5
root=/mnt
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs $root
mkdir -p $root/app $root/tmp $root/proc $root/dev $root/etc $root/usr
mount -t tmpfs -o mode=1777,size=64m tmpfs $root/tmp
for top in bin sbin lib lib64; do
  if [ -L /$top ]; then ln -s "$(readlink /$top)" $root/$top
  elif [ -d /$top ]; then mkdir $root/$top; mount --bind /$top $root/$top; fi
done
mount --rbind /dev $root/dev
mount --bind "$app" $root/app
for folder in /etc /usr "$(dirname "$node")"; do mkdir -p "$root$folder"; mount --bind "$folder" "$root$folder"; done
while [ "$count" -gt 0 ]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  if [ "$3" = ro ]; then mount -o remount,bind,ro "$root$2"; fi
  shift 3
  count=$((count - 1))
done
mount -t proc proc $root/proc
for folder in app etc usr; do mount -o remount,bind,ro $root/$folder; done
mount -o remount,ro $root
exec chroot $root sh -euc 'user=$1 bounds=$2; shift 2; cd /app
exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set="$bounds" --inh-caps=-all "$@"' sh "$user" "$bounds" "$@"
`;
