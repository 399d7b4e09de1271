import type { IContainer, IPodSpec } from 'kubernetes-models/v1';
import { lstatSync, readlinkSync } from 'node:fs';
import type { Image } from './images.js';
import type { Source } from './volumes.js';

/** A mount of a container. */
export interface Mount {
  source: Source;
  target: string;
  subPath?: string;
  readOnly: boolean;
  /** Whether the source is one file. */
  isFile: boolean;
}

/** As whom a container runs, and what it may. */
export interface Rights {
  user: number;
  group: number;
  groups: number[];
  /** What it may do of root's rights, as setpriv writes it. */
  capabilities: string;
  noNewPrivileges: boolean;
  readOnlyRoot: boolean;
}

/** What a container without a word about capabilities has. */
const usual =
  'chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write setfcap'.split(
    ' ',
  );

/**
 * What the security contexts of pod and container come to.
 * @throws Error where Kubernetes would refuse to start the container.
 */
export function rightsOf(pod: IPodSpec, container: IContainer, image: Image): Rights {
  const ofPod = pod.securityContext ?? {};
  const own = container.securityContext ?? {};
  const user = own.runAsUser ?? ofPod.runAsUser ?? image.user;
  if ((own.runAsNonRoot ?? ofPod.runAsNonRoot) && user === 0)
    throw new Error(`${container.name}: runAsNonRoot, and it would run as root`);
  const group = own.runAsGroup ?? ofPod.runAsGroup ?? (image.user === user ? user : 0);
  const { drop = [], add = [] } = own.capabilities ?? {};
  const kept = drop.includes('ALL') ? [] : usual.filter((one) => !drop.includes(one.toUpperCase()));
  const all = [...new Set([...kept, ...add.map((one) => one.toLowerCase().replace(/^cap_/, ''))])];
  return {
    user,
    group,
    groups: [...(ofPod.fsGroup === undefined ? [] : [ofPod.fsGroup]), ...(ofPod.supplementalGroups ?? [])],
    capabilities: own.privileged ? '+all' : ['-all', ...all.map((one) => `+${one}`)].join(','),
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    readOnlyRoot: own.readOnlyRootFilesystem === true,
  };
}

/** The arguments of setpriv, before the command. */
export function setprivOf(rights: Rights): string[] {
  const groups = rights.groups.length > 0 ? `--groups=${rights.groups.join(',')}` : '--clear-groups';
  return [
    `--reuid=${rights.user}`,
    `--regid=${rights.group}`,
    groups,
    `--bounding-set=${rights.capabilities}`,
    // Whoever is not root has what is inherited alone, and containers inherit nothing.
    '--inh-caps=-all',
    ...(rights.noNewPrivileges ? ['--no-new-privs'] : []),
    '--pdeathsig=KILL',
    '--',
  ];
}

/** What a container sees, besides its image. */
export interface View {
  image: Image;
  /** Folder with what shall be in its /etc. */
  etc: string;
  mounts: Mount[];
  rights: Rights;
  hostname: string;
  workingFolder: string;
  /** Where the sandbox is put together, and the file that gets the number of its first process. */
  root: string;
  pidFile: string;
  /** Control group that bounds its memory, where this machine lets one be made. */
  memoryGroup?: string;
  /** Whether it sees the processes of this machine, and not its own alone. */
  hostProcesses: boolean;
}

const quoted = (text: string | number): string => `'${String(text).replaceAll("'", `'\\''`)}'`;

/** A bind mount that nobody writes to. */
const bind = (source: string, target: string): string[] => [
  `mount --bind ${quoted(source)} ${target}`,
  `mount -o remount,bind,ro ${target}`,
];

/**
 * The script of a shell, in new namespaces, that puts together what a container sees and then becomes its command, "$@". Of this
 * machine it sees /usr, in place of the image's own; its root is new, and empty but for what stands here.
 */
export function sandboxScript(view: View): string {
  const root = quoted(view.root);
  const inside = (place: string): string => quoted(view.root + place);
  return [
    'set -e',
    // Said before /proc changes: the number by which this machine knows it.
    `read pid rest < /proc/self/stat; echo "$pid" > ${quoted(view.pidFile)}`,
    ...(view.memoryGroup ? [`echo 0 > ${quoted(`${view.memoryGroup}/cgroup.procs`)}`] : []),
    `mount -t tmpfs -o mode=755,size=16m root ${root}`,
    `cd ${root}`,
    'mkdir usr etc proc sys dev app opt run var tmp',
    ...system(),
    ...programs(view.image, inside),
    ...(view.image.app === undefined ? [] : bind(view.image.app, inside('/app'))),
    `cp -r ${quoted(view.etc)}/. etc/`,
    ...Object.entries(view.image.homes).map(
      ([user, home]) => `echo u${user}:x:${user}:${user}::${home}:/bin/sh >> etc/passwd`,
    ),
    ...Object.keys(view.image.homes).map((group) => `echo g${group}:x:${group}: >> etc/group`),
    'mkdir -p etc/ssl',
    ...bind('/etc/ssl', inside('/etc/ssl')),
    view.hostProcesses ? 'mount --rbind /proc proc' : 'mount -t proc proc proc',
    'mount --rbind /sys sys',
    'mount -o remount,bind,ro sys',
    ...devices,
    ...view.mounts.toSorted((a, b) => a.target.length - b.target.length).flatMap((mount) => mountLines(mount, inside)),
    'mkdir .machine',
    'pivot_root . .machine',
    'umount -l /.machine',
    'rmdir /.machine',
    ...(view.rights.readOnlyRoot ? ['mount -o remount,ro /'] : []),
    `hostname ${quoted(view.hostname)}`,
    `cd ${quoted(view.workingFolder)}`,
    // The shell's own.
    'unset PWD OLDPWD',
    `exec setpriv ${setprivOf(view.rights).map(quoted).join(' ')} "$@"`,
    '',
  ].join('\n');
}

/** /usr, and what leads into it. */
const system = (): string[] => [
  ...bind('/usr', 'usr'),
  ...['bin', 'sbin', 'lib', 'lib64', 'lib32']
    .filter((name) => lstatSync(`/${name}`, { throwIfNoEntry: false }))
    .flatMap((name) =>
      lstatSync(`/${name}`).isSymbolicLink()
        ? [`ln -s ${quoted(readlinkSync(`/${name}`))} ${name}`]
        : [`mkdir ${name}`, ...bind(`/${name}`, name)],
    ),
];

/** The image's programs, in /usr/local/bin, which holds nothing else. */
function programs(image: Image, inside: (place: string) => string): string[] {
  const folders = image.libraries?.split(':') ?? [];
  const lines = ['mount -t tmpfs -o mode=755,size=1m programs usr/local/bin', 'mkdir opt/programs'];
  for (const [name, file] of Object.entries(image.programs)) {
    const real = inside(`/opt/programs/${name}`);
    lines.push(`if [ -e ${quoted(file)} ]; then : > ${real}; mount --bind ${quoted(file)} ${real}; fi`);
    const { libraries } = image;
    const start = libraries === undefined ? `ln -s /opt/programs/${name}` : libraryLines(name);
    lines.push(libraries === undefined ? `${start} usr/local/bin/${name}` : `${start} > usr/local/bin/${name}`);
    lines.push(...(libraries === undefined ? [] : [`chmod 755 usr/local/bin/${name}`]));
  }
  for (const [index, folder] of folders.entries())
    lines.push(`mkdir opt/libraries${index}`, ...bind(folder, inside(`/opt/libraries${index}`)));
  return [...lines, 'mount -o remount,ro usr/local/bin'];

  /** Libraries by a script, since what the program gets by its environment is the pod's alone to say. */
  function libraryLines(name: string): string {
    const all = folders.map((_, index) => `/opt/libraries${index}`).join(':');
    const text = `#!/bin/sh\\nexport LD_LIBRARY_PATH=${all}\\nexec /opt/programs/${name} "$@"\\n`;
    return `printf ${quoted(text)}`;
  }
}

const devices = [
  'mount -t tmpfs -o mode=755,size=1m dev dev',
  'for name in null zero full random urandom tty; do : > dev/$name; mount --bind /dev/$name dev/$name; done',
  'ln -s /proc/self/fd dev/fd',
  'mkdir -m 1777 dev/shm',
];

function mountLines({ source, target, subPath, readOnly, isFile }: Mount, inside: (place: string) => string): string[] {
  const place = inside(target);
  if (source.memory !== undefined)
    return [`mkdir -p ${place}`, `mount -t tmpfs -o mode=1777,size=${source.memory} memory ${place}`];
  const from = subPath === undefined ? source.path : `${source.path}/${subPath}`;
  const made = isFile ? [`mkdir -p "$(dirname ${place})"`, `[ -e ${place} ] || : > ${place}`] : [`mkdir -p ${place}`];
  return [
    ...made,
    `mount --rbind ${quoted(from)} ${place}`,
    ...(readOnly || source.readOnly ? [`mount -o remount,bind,ro ${place}`] : []),
  ];
}
