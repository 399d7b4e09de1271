import { DockerReport, type ReportedContainer } from '@lapwing/contracts';
import { acknowledge, dispatch, isOpen, present, stopCommand } from './docker-command';
import { hostIdsOf, hostOf, identityOf, offlineAfter, type KnownHost } from './docker-identity';
import { emptyMemory, issuesOf, remember } from './docker-issues';

const NOW = Date.UTC(2026, 0, 15, 10);
const MINUTE = 60_000;

function container(changes: Partial<ReportedContainer> = {}): ReportedContainer {
  const base = { id: 'c1', name: 'web', state: 'running', status: 'Up 1 hour' };
  const report = DockerReport.parse({ agent: {}, host: { hostname: 'h' }, containers: [base] });
  const [parsed] = report.containers ?? [];
  if (!parsed) throw new Error('no container');
  return { ...parsed, ...changes };
}
const types = (containers: ReportedContainer[], memory = emptyMemory): string[] =>
  issuesOf(containers, memory, NOW).map(({ type, severity }) => `${type} ${severity}`);

describe('a report', () => {
  const read = (report: object) =>
    DockerReport.safeParse({ agent: {}, host: { hostname: 'h' }, containers: [{ id: 'c', name: 'n' }], ...report });
  it.each<[string, object]>([
    [
      'nulls and zeros, as Go sends them',
      { agent: { id: '', version: null, intervalSeconds: 0 }, containers: null, timestamp: null },
    ],
    ['an id with spaces', { agent: { id: 'My NAS' } }],
    ['long labels', { containers: [{ id: 'c', name: 'n', labels: { long: 'x'.repeat(10_000), none: null } }] }],
    [
      'many ports',
      { containers: [{ id: 'c', name: 'n', ports: Array.from({ length: 10_000 }, () => ({ privatePort: 1 })) }] },
    ],
    [
      'a limit that was too large for Go',
      { containers: [{ id: 'c', name: 'n', memoryLimitBytes: -1, networks: null }] },
    ],
  ])('is taken with %s', (_, changes) => expect(read(changes).error).toBeUndefined());
  it.each<[string, object]>([
    ['a way up as an id', { agent: { id: '../x' } }],
    ['dots as an id', { containers: [{ id: '..', name: 'n' }] }],
    ['no host', { host: {} }],
    ['too many containers', { containers: Array.from({ length: 2001 }, () => ({ id: 'c', name: 'n' })) }],
    ['more restarts than can be counted', { containers: [{ id: 'c', name: 'n', restartCount: 2 ** 31 }] }],
  ])('is refused with %s', (_, changes) => expect(read(changes).success).toBe(false));
});

describe('who reports', () => {
  const report = (agentId: string | undefined, machineId: string | undefined, hostname: string) =>
    DockerReport.parse({ agent: { id: agentId }, host: { hostname, machineId } });
  const known = (tokenId: string, hostname: string, isOnline: boolean): KnownHost => ({
    id: `${tokenId}/${hostname}`,
    agentKey: 'a',
    machineId: 'm',
    tokenId,
    hostname,
    isOnline,
  });
  const found = (tokenId: string, hostname: string, others: KnownHost[]) =>
    hostOf(identityOf(report('a', 'm', hostname), tokenId), others)?.id;

  it('is named by agent, else machine, else host', () => {
    expect(identityOf(report('a', 'm', 'h'), 't').agentKey).toBe('a');
    expect(identityOf(report(undefined, 'm', 'h'), 't').agentKey).toBe('m');
    expect(identityOf(report(undefined, undefined, 'h'), 't').agentKey).toBe('h');
  });
  it('is the same with the same token and name', () => expect(found('t', 'h', [known('t', 'h', true)])).toBe('t/h'));
  it('is a copy when another of the same machine reports with another token', () =>
    expect(found('u', 'h', [known('t', 'h', true)])).toBeUndefined());
  it('is a copy when another of the same machine and token reports under another name', () =>
    expect(found('t', 'h2', [known('t', 'h', true)])).toBeUndefined());
  it('is the same with a new token when the old one is silent', () => {
    expect(found('u', 'h', [known('t', 'h', false)])).toBe('t/h');
    expect(found('u', 'h', [known('t', 'h', true)])).toBeUndefined();
  });
  it('is another under another name, though the one that it could be a copy of is switched off', () =>
    expect(found('t', 'h2', [known('t', 'h', false)])).toBeUndefined());
  it('makes an id of a host name that could lead somewhere', () => {
    expect(identityOf(report(undefined, undefined, '../../x'), 't').agentKey).toBe('..-..-x');
    expect(identityOf(report(undefined, undefined, '..'), 't').agentKey).toBe('-');
  });
  it('gets an id of its own', () => {
    const identity = identityOf(report('a', 'm', 'h'), 't');
    expect(hostIdsOf(identity, () => '0123456789abcdef').slice(0, 3)).toEqual([
      'a',
      'a-01234567',
      'a-0123456789abcdef',
    ]);
  });
  it.each([
    [1, 30],
    [30, 120],
    [600, 600],
  ])('is offline at an interval of %d s after %d s', (interval, after) =>
    expect(offlineAfter(interval)).toBe(after * 1000),
  );
});

describe('issues of containers', () => {
  it('are none for one that runs well, was stopped, or is done', () =>
    expect(
      types([
        container({ health: 'healthy', memoryUsageBytes: 50, memoryLimitBytes: 100, memoryPercent: 50 }),
        container({ state: 'exited', exitCode: 0 }),
        container({ state: 'exited', exitCode: 143 }),
      ]),
    ).toEqual([]));
  it.each<[string, Partial<ReportedContainer>, string]>([
    ['a failing health check', { health: 'unhealthy' }, 'health_check critical'],
    ['one that only the status tells', { status: 'Up 2 minutes (unhealthy)' }, 'health_check critical'],
    ['an exit that was not asked for', { state: 'exited', exitCode: 1 }, 'exit_code warning'],
    ['one that was killed', { state: 'exited', exitCode: 137 }, 'exit_code warning'],
    ['memory near its limit', { memoryLimitBytes: 100, memoryPercent: 91 }, 'memory_pressure warning'],
    ['memory at its limit', { memoryLimitBytes: 100, memoryUsageBytes: 96 }, 'memory_pressure critical'],
    ['one that is restarting', { state: 'restarting', restartCount: 1 }, 'restart_loop warning'],
  ])('%s', (_, changes, issue) => expect(types([container(changes)])).toEqual([issue]));
  it('memory without a limit is no pressure', () =>
    expect(types([container({ memoryLimitBytes: 0, memoryPercent: 99 })])).toEqual([]));
  it('three restarts within ten minutes are a loop, until ten minutes have passed', () => {
    let memory = emptyMemory;
    for (const [minute, restartCount] of [
      [0, 5],
      [1, 6],
      [3, 7],
      [5, 8],
    ] as const)
      memory = remember(memory, [container({ restartCount })], NOW - 5 * MINUTE + minute * MINUTE);
    expect(types([container({ restartCount: 8 })], memory)).toEqual(['restart_loop critical']);
    const later = remember(memory, [container({ restartCount: 8 })], NOW + 9 * MINUTE);
    expect(issuesOf([container({ restartCount: 8 })], later, NOW + 9 * MINUTE)).toEqual([]);
  });
  it('a count that is known only since now is no loop', () =>
    expect(
      types([container({ restartCount: 50 })], remember(emptyMemory, [container({ restartCount: 50 })], NOW)),
    ).toEqual([]));
});

describe('recent exit codes', () => {
  const exits = (memory = emptyMemory) => memory.exits.map(({ exitCode }) => exitCode);
  it('are those of exits that nobody asked for, each once', () => {
    let memory = remember(emptyMemory, [container()], NOW - 3 * MINUTE);
    memory = remember(memory, [container({ state: 'exited', exitCode: 1 })], NOW - 2 * MINUTE);
    memory = remember(memory, [container({ state: 'exited', exitCode: 1 })], NOW - MINUTE);
    memory = remember(memory, [container({ restartCount: 1, exitCode: 137 })], NOW);
    expect(exits(memory)).toEqual([1, 137]);
    expect(exits(remember(memory, [], NOW + 25 * 60 * MINUTE))).toEqual([]);
  });
  it('are not those of long ago, whatever a first report tells', () => {
    const finishedAt = new Date(NOW - 21 * 24 * 60 * MINUTE).toISOString();
    expect(exits(remember(emptyMemory, [container({ state: 'exited', exitCode: 1, finishedAt })], NOW))).toEqual([]);
    const never = container({ state: 'exited', exitCode: 1, finishedAt: '0001-01-01T00:00:00Z' });
    expect(exits(remember(emptyMemory, [never], NOW))).toEqual([1]);
  });
  it('live with a count that jumps', () => {
    const memory = remember(emptyMemory, [container({ restartCount: 0 })], NOW);
    expect(remember(memory, [container({ restartCount: 2 ** 31 - 1 })], NOW).containers['c1']?.grewAt).toHaveLength(10);
  });
  it('are not those that were asked for', () => {
    const memory = remember(emptyMemory, [container()], NOW - MINUTE);
    expect(exits(remember(memory, [container({ state: 'exited', exitCode: 0 })], NOW))).toEqual([]);
  });
  it('are never more than twenty', () => {
    let memory = remember(emptyMemory, [container()], NOW);
    for (let restartCount = 1; restartCount < 40; restartCount++)
      memory = remember(memory, [container({ restartCount, exitCode: 1 })], NOW + restartCount);
    expect(memory.exits).toHaveLength(20);
  });
});

describe('a command', () => {
  const command = stopCommand('018f3c1e-7d2a-4c3b-9a54-0123456789ab', NOW);
  it('is queued, dispatched once, acknowledged, and done', () => {
    const dispatched = dispatch(command, NOW + 1);
    expect(dispatched).toMatchObject({ status: 'dispatched', dispatchedAt: NOW + 1 });
    expect(dispatch(dispatched, NOW + 2)).toBe(dispatched);
    const heard = acknowledge(dispatched, { status: 'acknowledged', message: 'stopping' }, NOW + 3);
    expect(heard).toMatchObject({ status: 'acknowledged', acknowledgedAt: NOW + 3, message: 'stopping' });
    expect(isOpen(heard, NOW + 4)).toBe(true);
    const done = acknowledge(heard, { status: 'completed', message: '' }, NOW + 4);
    expect(done).toMatchObject({ status: 'completed', acknowledgedAt: NOW + 3, completedAt: NOW + 4 });
    expect(isOpen(done, NOW + 5)).toBe(false);
  });
  it('tells why it failed', () =>
    expect(acknowledge(command, { status: 'failed', message: 'no' }, NOW + 1)).toMatchObject({
      failureReason: 'no',
      failedAt: NOW + 1,
    }));
  it('expires', () => {
    expect(isOpen(command, NOW + 11 * MINUTE)).toBe(false);
    expect(present(command, NOW + 11 * MINUTE)).toMatchObject({ status: 'expired' });
    expect(present(command, NOW)).toBe(command);
    expect(present(null, NOW)).toBeNull();
  });
});
