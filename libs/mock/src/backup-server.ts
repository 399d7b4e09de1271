import type { BackupServer, ServerBackup } from '@lapwing/contracts';
import type { GuestPlan } from './guests.js';
import { between, hashOf, mix } from './hash.js';
import { DAY, GIB, HOUR, TIB, drift, round2, swing, uptimeOf, usageOf, type Clock } from './motion.js';
import { nightlyRuns, perGuest } from './nightly.js';
import type { NodePlan } from './nodes.js';

const SEED = hashOf('pbs:mock-pbs');
const MAX_BACKUPS = 15_000;
const OWNER = 'mock@pbs';
const MAIN = 'main';
const ARCHIVE = 'archive';
const namespaces = ['production', 'staging'];
const files = {
  qemu: ['client.log.blob', 'drive-scsi0.img.fidx', 'index.json.blob', 'qemu-server.conf.blob'],
  lxc: ['catalog.pcat1.didx', 'client.log.blob', 'index.json.blob', 'pct.conf.blob', 'root.pxar.didx'],
  host: ['catalog.pcat1.didx', 'etc.pxar.didx', 'index.json.blob'],
};

/** The backup server at an instant. */
export function backupServerAt(clock: Clock): BackupServer {
  const memory = 32 * GIB;
  const root = { path: '', parent: '', depth: 0 };
  const daily = (id: string, store: string, hour: number) => job(id, store, hour, clock.now);
  return {
    cpu: round2(9 + 6 * swing(mix(SEED, 1), clock)),
    memory: usageOf(memory, Math.round(memory * (0.46 + 0.05 * swing(mix(SEED, 2), clock)))),
    uptime: uptimeOf(SEED, clock.now),
    datastores: [
      datastore(MAIN, 20 * TIB, 0.64, 18.4, clock, [
        root,
        ...namespaces.map((path) => ({ path, parent: '', depth: 1 })),
      ]),
      datastore(ARCHIVE, 40 * TIB, 0.81, 31.7, clock, [root]),
    ],
    backupJobs: [],
    syncJobs: [daily('s-archive', ARCHIVE, 5)],
    verifyJobs: [daily('v-main', MAIN, 6)],
    pruneJobs: [daily('p-main', MAIN, 7), daily('p-archive', ARCHIVE, 7)],
    garbageJobs: [daily('gc-main', MAIN, 8), daily('gc-archive', ARCHIVE, 9)],
  };
}

function datastore(
  name: string,
  total: number,
  share: number,
  deduplicationFactor: number,
  clock: Clock,
  spaces: BackupServer['datastores'][number]['namespaces'],
): BackupServer['datastores'][number] {
  const used = Math.round(total * (share + 0.02 * drift(mix(SEED, total), clock)));
  return { ...usageOf(total, used), name, status: 'available', error: '', namespaces: spaces, deduplicationFactor };
}

function job(id: string, store: string, hour: number, now: number): BackupServer['syncJobs'][number] {
  const last = Math.floor((now - hour * HOUR) / DAY) * DAY + hour * HOUR;
  const schedule = `${String(hour).padStart(2, '0')}:00`;
  return { id, store, schedule, state: 'OK', lastRunAt: last < 0 ? null : last, nextRunAt: last + DAY };
}

/** The backups of guests and of the first node, the newest of each first; what is a day old has been verified. */
export function serverBackupsAt(nodes: NodePlan[], guests: GuestPlan[], now: number): ServerBackup[] {
  const wanted = perGuest(guests.length, 3, MAX_BACKUPS);
  const ofGuests = guests.flatMap((guest) => {
    const ofGuest = {
      namespace: guest.tags.includes('staging') ? 'staging' : 'production',
      type: guest.type === 'qemu' ? ('vm' as const) : ('ct' as const),
      backupId: String(guest.vmid),
      comment: guest.name,
      files: files[guest.type],
    };
    return backups(mix(guest.seed, 41), guest.diskTotal * guest.diskShare, wanted, now, ofGuest);
  });
  const [node] = nodes;
  if (!node) return ofGuests;
  const ofHost = { namespace: '', type: 'host' as const, backupId: node.name, comment: '/etc', files: files.host };
  return [...ofGuests, ...backups(mix(node.seed, 41), 12e6, 3, now, ofHost)];
}

function backups(
  seed: number,
  size: number,
  count: number,
  now: number,
  of: Pick<ServerBackup, 'namespace' | 'type' | 'backupId' | 'comment' | 'files'>,
): ServerBackup[] {
  return nightlyRuns(seed, now, count, 20)
    .filter(({ endsAt }) => endsAt <= now)
    .map(({ startedAt, day }) => ({
      datastore: MAIN,
      ...of,
      files: [...of.files],
      // The server counts whole seconds.
      createdAt: Math.floor(startedAt / 1000) * 1000,
      size: Math.round(size * between(seed, day, 0.98, 1.02)),
      protected: false,
      verified: startedAt < now - DAY,
      owner: OWNER,
    }));
}
