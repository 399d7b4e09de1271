import type { AlertResource, ResourceType } from '@lapwing/contracts';
import { configOf, resourceOf } from '../../test/estate-fixtures';
import { filesystemResource } from './readings/host';
import { delaySeconds, overrideOf, ruleFor } from './rules';
import type { Signal } from './signals';

const of = (type: ResourceType, id = 'x', parents: string[] = ['owner']): AlertResource =>
  resourceOf({ id, type, parents });
const bounds = (patch: Record<string, unknown>, resource: AlertResource, signal: Signal) => {
  const rule = ruleFor(configOf(patch), resource, signal);
  return rule && [rule.trigger, rule.clear, rule.critical];
};

describe('thresholds', () => {
  it.each<[string, Record<string, unknown>, AlertResource, Signal, (number | null)[] | null]>([
    ['of guests', {}, of('guest'), 'cpu', [80, 75, 90]],
    ['of guests: rates are off', {}, of('guest'), 'diskRead', null],
    ['of nodes', {}, of('node'), 'temperature', [80, 75, 90]],
    ['of backup servers are those of nodes', {}, of('pbs'), 'memory', [85, 80, 95]],
    ['of hosts', {}, of('host'), 'cpu', [80, 75, 95]],
    ['of storages', {}, of('storage'), 'usage', [85, 80, 95]],
    ['of containers', {}, of('docker-container'), 'memory', [85, 80, 95]],
    ['of disks there are none', {}, of('disk'), 'usage', null],
    ['a bare number', { guestDefaults: { cpu: 60 } }, of('guest'), 'cpu', [60, 55, 70]],
    ['a small one', { guestDefaults: { cpu: 3 } }, of('guest'), 'cpu', [3, 0, 13]],
    [
      'a fraction',
      { guestDefaults: { cpu: { trigger: 12.5, clear: 12.25 } } },
      of('guest'),
      'cpu',
      [12.5, 12.25, 22.5],
    ],
    [
      'critical is never above 100 %',
      { guestDefaults: { cpu: { trigger: 97, clear: 90 } } },
      of('guest'),
      'cpu',
      [97, 90, 100],
    ],
    [
      'nor below the trigger',
      { guestDefaults: { cpu: { trigger: 150, clear: 90 } } },
      of('guest'),
      'cpu',
      [150, 90, 150],
    ],
    [
      'degrees may be',
      { nodeDefaults: { temperature: { trigger: 97, clear: 90 } } },
      of('node'),
      'temperature',
      [97, 90, 107],
    ],
    [
      'a critical of its own',
      { guestDefaults: { cpu: { trigger: 60, clear: 50, critical: 99 } } },
      of('guest'),
      'cpu',
      [60, 50, 99],
    ],
    ['-1 is off', { guestDefaults: { cpu: -1 } }, of('guest'), 'cpu', null],
    ['0 is off', { guestDefaults: { cpu: 0 } }, of('guest'), 'cpu', null],
    ['-1 in a pair is off', { guestDefaults: { cpu: { trigger: -1, clear: -1 } } }, of('guest'), 'cpu', null],
    ['an override', { overrides: { x: { cpu: 40 } } }, of('guest'), 'cpu', [40, 35, 50]],
    ['an override leaves the others', { overrides: { x: { cpu: 40 } } }, of('guest'), 'memory', [85, 80, 95]],
    ['an override of another', { overrides: { y: { cpu: 40 } } }, of('guest'), 'cpu', [80, 75, 90]],
    ['an override that is off', { overrides: { x: { cpu: -1 } } }, of('guest'), 'cpu', null],
    ['an override where there is no default', { overrides: { x: { usage: 70 } } }, of('ceph'), 'usage', [70, 65, 80]],
    ['all off', { enabled: false }, of('guest'), 'cpu', null],
    ['disabled alone', { overrides: { x: { disabled: true } } }, of('guest'), 'cpu', null],
    ['disabled in its kind', { guestDefaults: { disabled: true } }, of('guest'), 'connectivity', null],
    [
      'disabled, but not this one',
      { guestDefaults: { disabled: true }, overrides: { x: { disabled: false } } },
      of('guest'),
      'cpu',
      [80, 75, 90],
    ],
    ['restarts', {}, of('docker-container'), 'restart-loop', [3, 2.8499999999999996, 9]],
    ['restarts: 0 is off', { dockerDefaults: { restartCount: 0 } }, of('docker-container'), 'restart-loop', null],
    ['of its limit', {}, of('docker-container'), 'memory-limit', [90, 85.5, 95]],
    [
      'of its limit: off',
      { dockerDefaults: { memoryWarnPct: 0, memoryCriticalPct: 0 } },
      of('docker-container'),
      'memory-limit',
      null,
    ],
    [
      'of its limit: critical alone',
      { dockerDefaults: { memoryWarnPct: 0 } },
      of('docker-container'),
      'memory-limit',
      [95, 90.25, 95],
    ],
    [
      'of its limit: a warning alone',
      { dockerDefaults: { memoryCriticalPct: 0 } },
      of('docker-container'),
      'memory-limit',
      [90, 85.5, null],
    ],
    ['queues', {}, of('pmg'), 'queue-depth', [500, 475, 1000]],
    ['life left', {}, of('disk'), 'disk-life', [10, 11, 5]],
    ['life left: off', { diskDefaults: { enabled: false } }, of('disk'), 'disk-life', null],
    ['certificates', {}, of('node'), 'certificate-days', [21, 22, 7]],
    ['certificates: off', { certificateDefaults: { enabled: false } }, of('node'), 'certificate-days', null],
    ['backups: off as it is', {}, of('guest'), 'backup-age', null],
    ['backups', { backupDefaults: { enabled: true } }, of('guest'), 'backup-age', [7, 6.93, 14]],
    [
      'backups: never critical',
      { backupDefaults: { enabled: true, criticalDays: 0 } },
      of('guest'),
      'backup-age',
      [7, 6.93, null],
    ],
    [
      'backups: critical alone',
      { backupDefaults: { enabled: true, warningDays: 0 } },
      of('guest'),
      'backup-age',
      [14, 13.86, 14],
    ],
    [
      'snapshots: neither',
      { snapshotDefaults: { enabled: true, warningDays: 0, criticalDays: 0 } },
      of('guest'),
      'snapshot-age',
      null,
    ],
  ])('%s', (_name, patch, resource, signal, expected) => expect(bounds(patch, resource, signal)).toEqual(expected));

  it('are those of the owner for a file system, and its own first', () => {
    const guest = of('guest', 'home-pve1-101');
    const root = filesystemResource(guest, '/');
    const data = filesystemResource(guest, '/srv/data-1');
    expect([root.id, data.id]).toEqual(['home-pve1-101-disk-root', 'home-pve1-101-disk-srv_data_1']);
    const patch = { overrides: { 'home-pve1-101': { disk: 50 }, [data.id]: { disk: 99 } } };
    expect(bounds(patch, root, 'disk')).toEqual([50, 45, 60]);
    expect(bounds(patch, data, 'disk')).toEqual([99, 94, 100]);
  });
  it('are found for ids that look like file systems, and take no longer', () => {
    const config = configOf({ overrides: { my: { cpu: 1 }, 'my-disk-server-n-1': { cpu: 2 } } });
    const guest = of('guest', 'my-disk-server-n-1', ['my-disk-server-n']);
    expect(overrideOf(config, of('node', 'my-disk-server', []))).toBeUndefined();
    expect(overrideOf(config, filesystemResource(guest, '/a-disk-b'))?.cpu?.trigger).toBe(2);
    expect(overrideOf(config, of('storage', 'my-disk-tank', ['my']))).toBeUndefined();
    const began = performance.now();
    overrideOf(config, of('guest', '-disk-'.repeat(100_000)));
    expect(performance.now() - began).toBeLessThan(100);
  });
  it.each(['__proto__', 'constructor', 'toString'])('and delays are none for the name %s', (id) => {
    expect(overrideOf(configOf(), of('guest', id))).toBeUndefined();
    expect(delaySeconds(configOf(), of('guest', id), 'cpu')).toBe(5);
    expect(delaySeconds(configOf(), of('guest', id), 'connectivity')).toBe(0);
  });
});

describe('switches', () => {
  const kinds: [string, ResourceType, Signal, boolean][] = [
    ['disableAllHosts', 'host', 'cpu', true],
    ['disableAllNodes', 'node', 'connectivity', true],
    ['disableAllGuests', 'guest', 'powered-off', true],
    ['disableAllStorage', 'storage', 'usage', true],
    ['disableAllPBS', 'pbs', 'cpu', true],
    ['disableAllPMG', 'pmg', 'queue-depth', true],
    ['disableAllDockerHosts', 'docker-host', 'connectivity', true],
    ['disableAllDockerContainers', 'docker-container', 'oom', true],
    ['disableAllHostsOffline', 'host', 'connectivity', true],
    ['disableAllHostsOffline', 'host', 'cpu', false],
    ['disableAllNodesOffline', 'node', 'connectivity', true],
    ['disableAllNodesOffline', 'guest', 'powered-off', false],
    ['disableAllGuestsOffline', 'guest', 'powered-off', true],
    ['disableAllGuestsOffline', 'guest', 'cpu', false],
    ['disableAllPBSOffline', 'pbs', 'connectivity', true],
    ['disableAllPMGOffline', 'pmg', 'connectivity', true],
    ['disableAllPMGOffline', 'pmg', 'queue-depth', false],
    ['disableAllDockerHostsOffline', 'docker-host', 'connectivity', true],
  ];
  it.each(kinds)('%s: %s %s', (name, type, signal, off) => {
    expect(ruleFor(configOf(), of(type), signal)).not.toBeNull();
    expect(ruleFor(configOf({ [name]: true }), of(type), signal) === null).toBe(off);
  });
  it.each<[Record<string, unknown>, Signal, boolean]>([
    [{ guestDefaults: { disableConnectivity: true } }, 'powered-off', true],
    [{ guestDefaults: { disableConnectivity: true } }, 'cpu', false],
    [{ overrides: { x: { disableConnectivity: true } } }, 'powered-off', true],
    [
      { guestDefaults: { disableConnectivity: true }, overrides: { x: { disableConnectivity: false } } },
      'powered-off',
      false,
    ],
  ])('%j: %s', (patch, signal, off) => expect(ruleFor(configOf(patch), of('guest'), signal) === null).toBe(off));
});

describe('states', () => {
  it.each<[string, AlertResource, Signal, [critical: number | null, confirmations: number]]>([
    ['a host is away at once', of('host'), 'connectivity', [1, 1]],
    ['a Docker host is away at once', of('docker-host'), 'connectivity', [1, 1]],
    ['an installation is away at once', of('node', 'home', []), 'connectivity', [1, 1]],
    ['a backup server is away at once', of('pbs'), 'connectivity', [1, 1]],
    ['a node is away when three looks say so', of('node'), 'connectivity', [1, 3]],
    ['a storage is away when two looks say so', of('storage'), 'connectivity', [2, 2]],
    ['a guest is off when two looks say so', of('guest'), 'powered-off', [null, 2]],
    ['a container has failed when two looks say so', of('docker-container'), 'container-state', [null, 2]],
    ['memory ran out', of('docker-container'), 'oom', [1, 1]],
    ['a health check', of('docker-container'), 'container-health', [2, 1]],
    ['a pool', of('storage'), 'zfs-state', [2, 1]],
    ['errors', of('storage'), 'zfs-errors', [null, 1]],
    ['a disk', of('disk'), 'disk-health', [1, 1]],
  ])('%s', (_name, resource, signal, [critical, confirmations]) =>
    expect(ruleFor(configOf(), resource, signal)).toMatchObject({ trigger: 1, sign: 1, critical, confirmations }),
  );
  it('take the severity of a guest that is off from its override, else of all', () => {
    const patch = {
      guestDefaults: { poweredOffSeverity: 'critical' },
      overrides: { y: { poweredOffSeverity: 'warning' } },
    };
    expect(ruleFor(configOf(patch), of('guest', 'x'), 'powered-off')?.critical).toBe(1);
    expect(ruleFor(configOf(patch), of('guest', 'y'), 'powered-off')?.critical).toBeNull();
  });
});

describe('the delay', () => {
  const all = {
    metricTimeThresholds: { x: { cpu: 1, default: 2 }, guest: { cpu: 3, memory: 4 }, host: { default: 7 } },
    timeThresholds: { y: 5, guest: 6 },
  };
  it.each<[string, ResourceType, Signal, number]>([
    ['x', 'guest', 'cpu', 1],
    ['x', 'guest', 'disk', 2],
    ['y', 'guest', 'cpu', 3],
    ['y', 'guest', 'memory', 4],
    ['y', 'guest', 'disk', 5],
    ['z', 'guest', 'disk', 6],
    ['z', 'host', 'disk', 7],
    ['z', 'storage', 'usage', 5],
    ['z', 'ceph', 'ceph-health', 0],
    ['z', 'docker-container', 'cpu', 0],
    ['z', 'guest', 'powered-off', 0],
    ['y', 'guest', 'powered-off', 5],
    ['x', 'guest', 'powered-off', 2],
  ])('of %s, a %s, for %s: %d s', (id, type, signal, expected) =>
    expect(delaySeconds(configOf(all), of(type, id), signal)).toBe(expected),
  );
  it('may be 0 or a fraction', () => {
    const config = configOf({ metricTimeThresholds: { x: { cpu: 0, memory: 0.5 } } });
    expect(ruleFor(config, of('guest'), 'cpu')?.delayMs).toBe(0);
    expect(ruleFor(config, of('guest'), 'memory')?.delayMs).toBe(500);
  });
});
