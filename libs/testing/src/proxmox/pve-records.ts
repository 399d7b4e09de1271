import { nodeOf } from './pve-nodes.js';
import { storagesOf } from './pve-resources.js';
import type { Replication } from './records.js';
import { Enveloped, ProxmoxError, type Ask, type Routes } from './router.js';
import { nowSeconds } from './units.js';

type Entry = Record<string, unknown>;

function storageList({ estate }: Ask): Entry[] {
  return storagesOf(estate).map(({ name, type, content, shared, enabled, settings }) => ({
    storage: name,
    type,
    content: content.join(','),
    digest: 'b'.repeat(40),
    ...settings,
    ...(shared ? { shared: 1 } : {}),
    ...(enabled ? {} : { disable: 1 }),
  }));
}

function contentOf(ask: Ask): Entry[] {
  const node = nodeOf(ask);
  const name = ask.parameters['s'] ?? '';
  const storage = storagesOf(ask.estate, node.name).find((one) => one.name === name);
  if (!storage) throw new ProxmoxError(500, `storage '${name}' does not exist`);
  if (!storage.enabled) throw new ProxmoxError(500, `storage '${name}' is disabled`);
  if (!storage.usage.get(node.name)?.active) throw new ProxmoxError(500, `storage '${name}' is not online`);
  const wanted = ask.query.get('content');
  const vmid = ask.query.get('vmid');
  return [
    ...backupContent(ask, name),
    ...imageContent(ask, name, node.name),
    ...isoContent(name, storage.content),
  ].filter((entry) => (!wanted || entry['content'] === wanted) && (!vmid || String(entry['vmid']) === vmid));
}

function backupContent({ estate }: Ask, storage: string): Entry[] {
  return estate.backups
    .filter((backup) => backup.storage === storage)
    .map(({ volid, vmid, subtype, ctime, size, notes, protected: kept }) => ({
      volid,
      content: 'backup',
      vmid,
      subtype,
      ctime,
      size,
      notes,
      format: subtype === 'qemu' ? 'vma.zst' : 'tar.zst',
      ...(kept ? { protected: 1 } : {}),
    }));
}

function imageContent({ estate }: Ask, storage: string, node: string): Entry[] {
  const shared = estate.storages.get(storage)?.shared;
  return [...estate.guests.values()]
    .filter((guest) => guest.volume.startsWith(`${storage}:`) && (shared || guest.node === node))
    .map(({ volume, vmid, kind, maxdisk }) => ({
      volid: volume,
      content: kind === 'qemu' ? 'images' : 'rootdir',
      vmid,
      size: maxdisk,
      format: 'raw',
    }));
}

function isoContent(storage: string, content: string[]): Entry[] {
  if (!content.includes('iso')) return [];
  const volid = `${storage}:iso/debian-12.9.0-amd64-netinst.iso`;
  return [{ volid, content: 'iso', format: 'iso', size: 662_700_032, ctime: 1_736_600_000 }];
}

function tasks(ask: Ask): Enveloped {
  const node = nodeOf(ask).name;
  const { query } = ask;
  const [type, vmid, since, until] = ['typefilter', 'vmid', 'since', 'until'].map((name) => query.get(name));
  const found = ask.estate.tasks
    .filter((task) => task.node === node)
    .filter((task) => (!type || task.type === type) && (!vmid || task.id === vmid))
    .filter((task) => (!since || task.starttime >= Number(since)) && (!until || task.starttime <= Number(until)))
    .filter((task) => query.get('errors') !== '1' || (task.status !== undefined && task.status !== 'OK'))
    .toSorted((a, b) => b.starttime - a.starttime);
  const start = Number(query.get('start') ?? 0);
  return new Enveloped(found.slice(start, start + Number(query.get('limit') ?? 50)), { total: found.length });
}

const schedule = 900;

function nodeReplication(ask: Ask): Entry[] {
  const node = nodeOf(ask).name;
  return ask.estate.replications
    .filter(({ source }) => source === node)
    .map((one) => ({
      ...replicationJob(one),
      guest: String(one.guest),
      jobnum: String(one.job),
      vmtype: one.vmtype,
      last_sync: one.lastSync,
      last_try: one.failures > 0 ? nowSeconds() - 60 : one.lastSync,
      next_sync: one.lastSync + schedule,
      duration: one.duration,
      fail_count: one.failures,
      ...(one.error ? { error: one.error } : {}),
    }));
}

function replicationJob({ guest, job, source, target, schedule: when }: Replication): Entry {
  return { id: `${guest}-${job}`, type: 'local', guest, jobnum: job, source, target, schedule: when };
}

/** What is kept of the past: storages and their content, tasks, replication. */
export const recordRoutes: Routes = {
  '/storage': storageList,
  '/nodes/{n}/storage/{s}/content': contentOf,
  '/nodes/{n}/tasks': tasks,
  '/nodes/{n}/replication': nodeReplication,
  '/cluster/replication': ({ estate }) => estate.replications.map(replicationJob),
};
