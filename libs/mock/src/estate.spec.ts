import { DockerHost, MockConfig, Observation, type SectionItem, type SectionName } from '@lapwing/contracts';
import { MOCK_TARGETS, mockEstate, type MockEstate } from './index';

const NOW = Date.UTC(2025, 0, 15, 9, 30);
const DAY = 86_400_000;
const config = (some: Partial<MockConfig> = {}): MockConfig => MockConfig.parse(some);

const section = <S extends SectionName>(estate: MockEstate, name: S): SectionItem<S>[] =>
  estate.targets.flatMap<SectionItem<S>>(({ sections }) => sections[name] ?? []);
const of = <S extends SectionName>(name: S, some: Partial<MockConfig> = {}, now = NOW) =>
  section(mockEstate(config(some), now), name);

const everything = {
  nodeCount: 50,
  vmsPerNode: 100,
  lxcsPerNode: 100,
  dockerHostCount: 50,
  dockerContainersPerHost: 100,
};
const nothing = { nodeCount: 1, vmsPerNode: 0, lxcsPerNode: 0, dockerHostCount: 0, dockerContainersPerHost: 0 };

describe('the made-up machines', () => {
  it.each([
    ['as they are commonly', {}, NOW],
    ['in the night', {}, Date.UTC(2025, 5, 1, 2, 17, 3, 217)],
    ['in a standstill', { randomMetrics: false }, NOW],
    ['as few as may be', nothing, NOW],
    ['one guest, one container', { ...nothing, vmsPerNode: 1, dockerHostCount: 1, dockerContainersPerHost: 1 }, NOW],
    ['in 1970', {}, 0],
    ['as many as may be', everything, NOW],
  ])('are as the contracts say: %s', (_name, some, now) => {
    const { targets, dockerHosts } = mockEstate(config(some), now);
    expect(targets.map(({ id }) => id)).toEqual(Object.values(MOCK_TARGETS));
    for (const { id: targetId, sections } of targets)
      for (const [name, items] of Object.entries(sections)) {
        const observation = { targetId, part: 0, parts: 1, time: now, section: name, items };
        expect(Observation.parse(observation)).toEqual(observation);
      }
    for (const host of dockerHosts) expect(DockerHost.parse(host)).toEqual(host);
  });

  it('are the same for the same question, whatever was asked between', () => {
    const before = structuredClone(mockEstate(config(), NOW));
    mockEstate(config({ nodeCount: 3, randomMetrics: false }), NOW + 1);
    expect(mockEstate(config(), NOW)).toEqual(before);
  });

  it('belong to the caller', () => {
    const estate = mockEstate(config(), NOW);
    const before = structuredClone(estate);
    for (const node of section(estate, 'nodes')) node.cpuInfo.model = 'changed';
    for (const guest of section(estate, 'guests')) guest.tags.push('changed');
    for (const backup of section(estate, 'serverBackups')) backup.files.push('changed');
    for (const storage of section(estate, 'storages')) storage.nodes.push('changed');
    for (const { report } of estate.dockerHosts) for (const { labels } of report.containers) labels.changed = 'yes';
    expect(mockEstate(config(), NOW)).toEqual(before);
  });

  it('are as many as the configuration says', () => {
    const some = { nodeCount: 4, vmsPerNode: 3, lxcsPerNode: 6, dockerHostCount: 2, dockerContainersPerHost: 30 };
    const estate = mockEstate(config(some), NOW);
    const guests = section(estate, 'guests');
    expect(section(estate, 'nodes').map(({ name }) => name)).toEqual(
      ['1', '2', '3', '4'].map((nth) => `mock-pve${nth}`),
    );
    expect(guests.filter(({ type }) => type === 'qemu')).toHaveLength(12);
    expect(guests.filter(({ type }) => type === 'lxc')).toHaveLength(24);
    expect(new Set(guests.map(({ vmid }) => vmid)).size).toBe(36);
    expect(new Set(guests.map(({ name }) => name)).size).toBe(36);
    expect(estate.dockerHosts.map(({ id }) => id)).toEqual(['mock-docker-1', 'mock-docker-2']);
    for (const { report } of estate.dockerHosts) {
      expect(new Set(report.containers.map(({ id }) => id)).size).toBe(30);
      expect(new Set(report.containers.map(({ name }) => name)).size).toBe(30);
    }
    expect(section(mockEstate(config(nothing), NOW), 'guests')).toEqual([]);
  });

  it('have numbers that stay when others are added', () => {
    const few = of('guests', { vmsPerNode: 2, lxcsPerNode: 2 }).map(({ vmid }) => vmid);
    expect(of('guests', { vmsPerNode: 9, lxcsPerNode: 9 }).map(({ vmid }) => vmid)).toEqual(
      expect.arrayContaining(few),
    );
  });

  it.each([0, 0.2, 0.5, 1])('are stopped as a share of %p', (stoppedPercent) => {
    const guests = of('guests', { stoppedPercent, nodeCount: 10, vmsPerNode: 4, lxcsPerNode: 6 });
    const stopped = guests.filter(({ status }) => status === 'stopped');
    expect(stopped).toHaveLength(100 * stoppedPercent);
    for (const { cpu, memory, uptime, disk, diskReason, networkIn } of stopped)
      expect([cpu, memory.used, uptime, disk, diskReason, networkIn]).toEqual([0, 0, 0, null, 'vm-stopped', 0]);
  });
});

describe('movement', () => {
  const moving = (estate: MockEstate) => [
    ...section(estate, 'nodes').flatMap(({ cpu, memory, disk }) => [cpu, memory.used, disk.used]),
    ...section(estate, 'guests')
      .filter(({ disk }) => disk !== null)
      .flatMap(({ cpu, memory, disk, networkIn, diskWrite }) => [cpu, memory.used, disk?.used, networkIn, diskWrite]),
    ...section(estate, 'storages').map(({ used }) => used),
    ...section(estate, 'backupServer').flatMap(({ memory, datastores }) => [memory.used, datastores[0]?.used]),
    ...estate.dockerHosts.flatMap(({ report }) =>
      report.containers.filter(({ state }) => state === 'running').map(({ memoryUsageBytes }) => memoryUsageBytes),
    ),
  ];

  it('is in all values within a minute', () => {
    const before = moving(mockEstate(config(), NOW));
    const after = moving(mockEstate(config(), NOW + 60_000));
    const still = before.filter((value, index) => value === after[index]);
    expect(still.length).toBeLessThan(before.length / 100);
  });

  it('is in none when nobody wants it, but ages grow', () => {
    const still = { randomMetrics: false };
    const later = NOW + 3_600_000;
    expect(moving(mockEstate(config(still), later))).toEqual(moving(mockEstate(config(still), NOW)));
    const [before] = of('nodes', still);
    const [after] = of('nodes', still, later);
    expect(after?.uptime).toBe((before?.uptime ?? 0) + 3600);
  });

  it('leaves what there is as much as is taken and free, and never more than there is', () => {
    for (let hour = 0; hour < 72; hour++) {
      const estate = mockEstate(config(), NOW + hour * 3_600_000);
      const usages = [
        ...section(estate, 'nodes').flatMap(({ memory, swap, disk }) => [memory, swap, disk]),
        ...section(estate, 'guests').flatMap(({ memory, disk, filesystems }) => [
          memory,
          disk ?? memory,
          ...filesystems,
        ]),
        ...section(estate, 'storages'),
      ];
      for (const { total, used, free } of usages) {
        expect(used + free).toBe(total);
        expect(free).toBeGreaterThan(0);
      }
      for (const { disk, filesystems } of section(estate, 'guests'))
        expect(filesystems.reduce((sum, { used }) => sum + used, 0)).toBe(disk?.used ?? 0);
    }
  });

  it('is about a high load on the nodes that were named, or else on the second', () => {
    const busy = (highLoadNodes: string[]) =>
      of('nodes', { highLoadNodes, randomMetrics: false })
        .filter(({ cpu }) => cpu > 75)
        .map(({ name }) => name);
    expect(busy([])).toEqual(['mock-pve2']);
    expect(busy(['mock-pve1', 'pve4', 'unknown'])).toEqual(['mock-pve1', 'mock-pve4']);
  });
});

describe('there is something to look at', () => {
  it('at storages and disks', () => {
    const pools = of('storages').flatMap(({ zfsPool }) => zfsPool ?? []);
    expect(pools.filter(({ state }) => state === 'DEGRADED')).toHaveLength(1);
    expect(of('ceph')).toMatchObject([{ health: 'HEALTH_WARN', monitors: 3, osds: 14, osdsUp: 13 }]);
    const disks = of('disks');
    expect(disks.filter(({ health }) => health === 'FAILED')).toHaveLength(1);
    expect(disks.filter(({ lifeLeft }) => lifeLeft !== null && lifeLeft < 10)).toHaveLength(1);
    expect(new Set(disks.map(({ serial }) => serial)).size).toBe(28);
  });

  it.each([
    ['in the morning', NOW],
    ['in the night', Date.UTC(2025, 0, 15, 2, 30)],
  ])('at backups, snapshots and replication: %s', (_name, now) => {
    const tasks = of('backupTasks', {}, now);
    expect(tasks).toHaveLength(3 * 91);
    expect(new Set(tasks.map(({ upid }) => upid)).size).toBe(tasks.length);
    expect(tasks.filter(({ error }) => error !== '').length).toBeLessThanOrEqual(1);
    expect(tasks.every(({ startedAt, endedAt }) => startedAt > now - 4 * DAY && (endedAt ?? now) <= now)).toBe(true);
    const backups = of('storageBackups', {}, now);
    const good = tasks.filter(({ status }) => status === 'OK');
    expect(backups.map(({ createdAt, size }) => `${createdAt} ${size}`)).toEqual(
      good.map(({ startedAt, size }) => `${startedAt} ${size}`),
    );
    expect(of('snapshots', {}, now).filter(({ withMemory }) => withMemory)).toHaveLength(1);
    expect(of('replication', {}, now).filter(({ error }) => error !== '')).toHaveLength(1);
  });

  it('at the last night: a backup failed', () => {
    expect(of('backupTasks').filter(({ error }) => error !== '')).toHaveLength(1);
  });

  it('at the backup server: backups of all guests', () => {
    const [server] = of('backupServer');
    expect(server?.datastores).toHaveLength(2);
    expect(server?.datastores[0]?.namespaces).toHaveLength(3);
    const held = new Set(of('serverBackups').map(({ backupId }) => backupId));
    for (const { vmid } of of('guests')) expect(held).toContain(String(vmid));
    expect(held).toContain('mock-pve1');
  });

  it('at the mail gateway: the mails of the day are those of its hours', () => {
    const [gateway] = of('mailGateway');
    expect(gateway?.nodes.map(({ role }) => role)).toEqual(['master', 'node']);
    expect(gateway?.hours).toHaveLength(24);
    expect(gateway?.hours.at(-1)?.at).toBe(Date.UTC(2025, 0, 15, 9));
    expect(gateway?.mail?.countIn).toBe(gateway?.hours.reduce((sum, { countIn }) => sum + countIn, 0));
    expect(gateway?.spamScores).toHaveLength(11);
  });

  it('at containers: one restarts, one is unhealthy', () => {
    const { dockerHosts } = mockEstate(config(), NOW);
    const containers = dockerHosts.flatMap(({ report }) => report.containers);
    expect(containers.filter(({ state }) => state === 'restarting')).toHaveLength(1);
    expect(containers.filter(({ health }) => health === 'unhealthy')).toHaveLength(1);
    const issues = dockerHosts.flatMap((host) => host.issues.map(({ type }) => type));
    expect(issues.toSorted()).toEqual(['health_check', 'restart_loop']);
    const exits = dockerHosts[0]?.recentExitCodes ?? [];
    expect(exits).toHaveLength(20);
    const restarting = containers.find(({ state }) => state === 'restarting');
    expect(Date.parse(restarting?.finishedAt ?? '')).toBe(exits.at(-1)?.at);
  });
});
