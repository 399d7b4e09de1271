import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** As many links as the kernel follows. Source: path_resolution(7). */
const MAX_LINKS = 40;

/**
 * Where the files of the host are. An agent in a container sees the container's own, and the host's below a folder at which the host's root
 * is mounted. Every path of the host that differs between the two goes through here.
 */
export class Host {
  /** @param root that folder; '' for an agent that runs on the host itself */
  constructor(readonly root = '') {}

  /**
   * Where a file of the host is found from here. Links are followed as the host would: one to `/run` leads below the folder, and nothing
   * leads out of it.
   * @param file an absolute path, as the host sees it
   */
  path(file: string): string {
    if (this.root === '') return file;
    let rest = file.split('/').filter(Boolean);
    let at = '/';
    for (let links = 0; rest.length > 0;) {
      const [name = '', ...behind] = rest;
      const next = path.join(at, name);
      const target = links < MAX_LINKS ? linkAt(this.root + next) : undefined;
      if (target === undefined) at = next;
      else {
        links += 1;
        if (path.isAbsolute(target)) at = '/';
        behind.unshift(...target.split('/').filter(Boolean));
      }
      rest = behind;
    }
    return this.root + at;
  }

  /** The same without a look at the disk: links are left as they are. */
  below(file: string): string {
    return this.root + file;
  }

  /** What {@link below} was made of. */
  asSeenByHost(file: string): string {
    return this.root !== '' && file.startsWith(`${this.root}/`) ? file.slice(this.root.length) : file;
  }

  /**
   * Where the host's figures of /proc are. Those that count no process are the same in every container, unless the host is itself a
   * container whose figures are narrowed: then only its own /proc has them.
   */
  get proc(): string {
    const own = this.root && this.path('/proc');
    return own && existsSync(`${own}/stat`) ? own : '/proc';
  }

  /**
   * How a program of the host is run: in its root, where the libraries and the files are that it was made for.
   * @returns the program, and arguments that come before its own
   */
  command(program: string): [string, ...string[]] {
    return this.root === '' ? [program] : ['chroot', this.root, program];
  }

  /** The host's name. That of a container says nothing of the host. Source: hostname(5). */
  get name(): string {
    if (this.root === '') return os.hostname();
    const lines = this.line('/etc/hostname').split('\n');
    const name = lines.map((line) => line.trim()).find((line) => line !== '' && !line.startsWith('#'));
    return name === undefined || name === 'localhost' ? os.hostname() : name;
  }

  /** What a small file of the host holds, without blanks around it; '' where it cannot be read. */
  line(file: string): string {
    try {
      return readFileSync(this.path(file), 'utf8').trim();
    } catch {
      return '';
    }
  }
}

/** Where a link leads; undefined for what is none. */
function linkAt(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}
