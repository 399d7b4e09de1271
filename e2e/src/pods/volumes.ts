import type { IPodSpec } from 'kubernetes-models/v1';
import { chmod, chown, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { quantity, type Objects } from './objects.js';
import type { PodFacts } from './environment.js';

/** What a container mounts: a path of this machine, or memory of that many bytes. */
export interface Source {
  path: string;
  memory?: number;
  /** Kubernetes lets nobody write to it, whatever the mount says. */
  readOnly: boolean;
}

type Volume = NonNullable<IPodSpec['volumes']>[number];
type Item = { key: string; path: string; mode?: number };

/** Where the volumes of a pod are made. */
export interface Places {
  /** The pod's own folder, which goes with the pod. */
  pod: string;
  /** The folder of the claims, which stay. */
  claims: string;
  /** The folder below which lie the folders that pods make on their machine. */
  host: string;
}

/** Makes the volumes of a pod as Kubernetes does: contents, modes, and the group `fsGroup`. By name. */
export async function makeVolumes(pod: PodFacts, objects: Objects, places: Places): Promise<Map<string, Source>> {
  const made = new Map<string, Source>();
  for (const name of pod.claims) made.set(name, await claim(path.join(places.claims, `${name}-${pod.name}`), pod));
  for (const volume of pod.spec.volumes ?? [])
    if (!made.has(volume.name)) made.set(volume.name, await makeVolume(volume, pod, objects, places));
  return made;
}

async function makeVolume(volume: Volume, pod: PodFacts, objects: Objects, places: Places): Promise<Source> {
  const place = path.join(places.pod, 'volumes', volume.name);
  const group = pod.spec.securityContext?.fsGroup;
  if (volume.emptyDir) {
    const { medium, sizeLimit } = volume.emptyDir;
    if (medium === 'Memory') return { path: place, memory: quantity(sizeLimit ?? '64Mi'), readOnly: false };
    return folder(place, group === undefined ? 0o777 : 0o2777, group);
  }
  if (volume.persistentVolumeClaim) {
    const { claimName } = volume.persistentVolumeClaim;
    objects.get('PersistentVolumeClaim', pod.namespace, claimName);
    return claim(path.join(places.claims, claimName), pod);
  }
  if (volume.hostPath) {
    const { path: wanted, type } = volume.hostPath;
    // What a pod would make on its machine is not made on this one.
    return type === 'DirectoryOrCreate'
      ? folder(path.join(places.host, wanted), 0o755, 0)
      : { path: wanted, readOnly: false };
  }
  const files = filesOf(volume, pod, objects);
  await folder(place, 0o755, group);
  for (const file of files) await writeInto(place, file, group);
  return { path: place, readOnly: true };
}

/** A claim begins as the root of a new file system: root's, and writable for the pod's `fsGroup` alone. */
const claim = (place: string, pod: PodFacts): Promise<Source> => {
  const group = pod.spec.securityContext?.fsGroup;
  return folder(place, group === undefined ? 0o755 : 0o2775, group);
};

async function folder(place: string, mode: number, group: number | undefined): Promise<Source> {
  const isNew = !(await stat(place).catch(() => undefined));
  await mkdir(place, { recursive: true });
  if (isNew) {
    await chown(place, 0, group ?? 0);
    await chmod(place, mode);
  }
  return { path: place, readOnly: false };
}

interface VolumeFile {
  path: string;
  contents: Buffer;
  mode: number;
}

/** Files of Secrets and ConfigMaps belong to root and to the pod's group, which may read them whatever their mode. */
async function writeInto(place: string, file: VolumeFile, group: number | undefined): Promise<void> {
  const target = path.join(place, file.path);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, file.contents);
  await chown(target, 0, group ?? 0);
  await chmod(target, group === undefined ? file.mode : file.mode | 0o440);
}

function filesOf(volume: Volume, pod: PodFacts, objects: Objects): VolumeFile[] {
  const { secret, configMap, projected } = volume;
  const read = (
    kind: 'Secret' | 'ConfigMap',
    name: string,
    from: { items?: Item[]; optional?: boolean },
    mode: number,
  ): VolumeFile[] => {
    if (from.optional && !objects.find(kind, pod.namespace, name)) return [];
    const contents = objects.contents(kind, pod.namespace, name);
    const items: Item[] = from.items ?? Object.keys(contents).map((key) => ({ key, path: key }));
    return items.map((item) => {
      const found = contents[item.key];
      if (!found) throw new Error(`${kind} "${name}" has no "${item.key}", which ${pod.name} mounts`);
      return { path: item.path, contents: found, mode: item.mode ?? mode };
    });
  };
  if (secret) return read('Secret', secret.secretName ?? '', secret, secret.defaultMode ?? 0o644);
  if (configMap) return read('ConfigMap', configMap.name ?? '', configMap, configMap.defaultMode ?? 0o644);
  return (projected?.sources ?? unknownVolume(volume, pod)).flatMap((source) => {
    const mode = projected?.defaultMode ?? 0o644;
    if (source.secret) return read('Secret', source.secret.name ?? '', source.secret, mode);
    if (source.configMap) return read('ConfigMap', source.configMap.name ?? '', source.configMap, mode);
    return unknownVolume(volume, pod);
  });
}

function unknownVolume(volume: Volume, pod: PodFacts): never {
  throw new Error(`${pod.name}: this test's node knows no such volume: ${JSON.stringify(volume)}`);
}
