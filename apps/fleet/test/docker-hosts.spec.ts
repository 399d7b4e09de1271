import {
  DockerReport,
  dockercommandAcknowledge,
  dockerhostAllow,
  dockerhostList,
  dockerhostMark,
  dockerhostRemove,
  dockerhostReport,
  type DockerHost,
} from '@lapwing/contracts';
import { Fleet, actor } from './harness';

const MINUTE = 60_000;
const token = { id: 't1', name: 'docker' };

function reportOf(
  id: string,
  changes: { hostname?: string; machineId?: string; timestamp?: string; containers?: object[] } = {},
) {
  const {
    hostname = id,
    machineId = '0123456789abcdef',
    timestamp = new Date().toISOString(),
    containers = [],
  } = changes;
  return DockerReport.parse({
    agent: { id, intervalSeconds: 30 },
    host: { hostname, machineId },
    containers,
    timestamp,
  });
}

describe('Docker hosts', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await Fleet.start();
  }, 60_000);
  afterAll(() => fleet.stop());

  const send = (id: string, changes: Parameters<typeof reportOf>[1] = {}, by: typeof token | null = token) =>
    fleet.bus.request(dockerhostReport, { token: by, report: reportOf(id, changes) });
  const all = async (): Promise<DockerHost[]> => (await fleet.bus.request(dockerhostList, {})).hosts;
  const one = async (id: string) => (await all()).find((host) => host.id === id);

  it('are known by what they report, with what is wrong', async () => {
    const containers = [{ id: 'c1', name: 'web', state: 'exited', exitCode: 1 }];
    expect(await send('plain-1', { containers })).toMatchObject({ hostId: 'plain-1', containers: 1, commands: [] });
    expect(await one('plain-1')).toMatchObject({
      status: 'online',
      token,
      issues: [{ type: 'exit_code', containerName: 'web' }],
      recentExitCodes: [{ exitCode: 1 }],
    });
  });

  it('take a report once: one that is not newer changes nothing', async () => {
    const timestamp = new Date().toISOString();
    const containers = [{ id: 'c1', name: 'web', state: 'running' }];
    await send('once-1', { timestamp, containers });
    const older = new Date(Date.now() - MINUTE).toISOString();
    for (const again of [timestamp, older]) await send('once-1', { timestamp: again, containers: [] });
    expect((await one('once-1'))?.report.containers).toHaveLength(1);
  });

  it('refuse a clock that is far ahead, and write nothing', async () => {
    await expect(send('future-1', { timestamp: '2099-01-01T00:00:00Z' })).rejects.toMatchObject({ code: 'CLOCK_SKEW' });
    expect(await one('future-1')).toBeUndefined();
  });

  it('are kept apart when they were copied: by token, and by name', async () => {
    const first = await send('copy-1', { hostname: 'a' });
    const other = await send('copy-1', { hostname: 'a' }, { id: 't2', name: 'other' });
    const named = await send('copy-1', { hostname: 'b' });
    const ids = [first, other, named].map(({ hostId }) => hostId);
    expect(new Set(ids).size).toBe(3);
    expect(ids[0]).toBe('copy-1');
    const later = new Date(Date.now() + 1000).toISOString();
    expect((await send('copy-1', { hostname: 'a', timestamp: later }, { id: 't2', name: 'other' })).hostId).toBe(
      ids[1],
    );
  });

  it('are never merged though many report at once', async () => {
    const hosts = Array.from({ length: 20 }, (_, index) => `n${index}`);
    const sent = await Promise.all(hosts.map((hostname) => send('storm-1', { hostname })));
    expect(new Set(sent.map(({ hostId }) => hostId)).size).toBe(20);
  });

  it('that report are told to stop, and go when they have; then they may not come back until they are allowed', async () => {
    await send('stop-1');
    const { removed, command } = await fleet.bus.request(dockerhostRemove, { actor, id: 'stop-1', force: false });
    expect(removed).toBe(false);
    const id = command?.id ?? '';
    expect(await one('stop-1')).toMatchObject({ pendingUninstall: true, command: { status: 'queued' } });
    const later = new Date(Date.now() + 1000).toISOString();
    expect((await send('stop-1', { timestamp: later })).commands).toEqual([{ id, type: 'stop' }]);
    const ack = (status: 'acknowledged' | 'completed', by = token) =>
      fleet.bus.request(dockercommandAcknowledge, { token: by, id, hostId: 'stop-1', status });
    await expect(ack('completed', { id: 't2', name: 'other' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await ack('acknowledged')).command).toMatchObject({ status: 'acknowledged' });
    expect((await ack('completed')).command).toMatchObject({ status: 'completed' });
    expect(await one('stop-1')).toBeUndefined();
    await expect(send('stop-1')).rejects.toMatchObject({ code: 'HOST_REMOVED' });
    await fleet.bus.request(dockerhostAllow, { actor, id: 'stop-1' });
    await expect(fleet.bus.request(dockerhostAllow, { actor, id: 'stop-1' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect((await send('stop-1')).hostId).toBe('stop-1');
  });

  it('go at once by force, and are hidden and shown', async () => {
    await send('force-1');
    expect((await fleet.bus.request(dockerhostMark, { actor, id: 'force-1', hidden: true })).hidden).toBe(true);
    expect((await fleet.bus.request(dockerhostMark, { actor, id: 'force-1', hidden: false })).hidden).toBe(false);
    expect(await fleet.bus.request(dockerhostRemove, { actor, id: 'force-1', force: true })).toEqual({
      removed: true,
      command: null,
    });
    await expect(fleet.bus.request(dockerhostRemove, { actor, id: 'force-1', force: true })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('come in pages that a message can carry', async () => {
    const labels = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`l${index}`, 'x'.repeat(1000)]));
    const containers = Array.from({ length: 8 }, (_, index) => ({ id: `c${index}`, name: `c${index}`, labels }));
    for (const id of ['big-1', 'big-2', 'big-3']) await send(id, { containers });
    const ids: string[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page: { hosts: DockerHost[]; next: string | null } = await fleet.bus.request(dockerhostList, { after });
      ids.push(...page.hosts.map((host) => host.id));
      after = page.next;
    }
    expect(ids).toEqual(expect.arrayContaining(['big-1', 'big-2', 'big-3']));
    expect(new Set(ids).size).toBe(ids.length);
  });
});
