import type { DockerHost, ReportedContainer } from '@lapwing/contracts';
import { atOnce, containerOf, dockerHostOf, T0, valuesOf } from '../../../test/estate-fixtures';
import { Engine } from '../engine';
import { readDockerHost, type DockerMemory } from './docker';

function watching(patch: Record<string, unknown> = {}) {
  const config = atOnce(patch);
  const engine = new Engine(config);
  let memory: DockerMemory = [];
  let time = T0;
  return (
    containers: Partial<ReportedContainer>[],
    { at = time + 10_000, ...host }: Partial<DockerHost> & { at?: number } = {},
  ) => {
    time = at;
    const read = readDockerHost(
      dockerHostOf(containers.map(containerOf), { lastSeenAt: at, ...host }),
      ['vm'],
      memory,
      config,
      at,
    );
    memory = JSON.parse(JSON.stringify(read.memory)) as DockerMemory;
    return engine
      .look(read.look)
      .map(
        ({ kind, alertId, level, resolution }) =>
          `${kind} ${alertId.replace('docker:docker-1', 'd')} ${resolution ?? level}`,
      );
  };
}

describe('a Docker host', () => {
  it('stands on what it runs in, and containers on it', () => {
    const { look } = readDockerHost(dockerHostOf([containerOf()]), ['vm', 'node'], [], atOnce(), T0);
    expect(look).toMatchObject({ scope: 'docker:docker-1', time: T0 });
    expect(look.readings[0]?.resource).toMatchObject({
      id: 'docker:docker-1',
      name: 'web',
      type: 'docker-host',
      parents: ['vm', 'node'],
    });
    expect(look.readings[1]?.resource).toMatchObject({
      id: 'docker:docker-1/db',
      name: 'db',
      parents: ['docker:docker-1', 'vm', 'node'],
    });
    expect(valuesOf(look)).toEqual({
      'docker:docker-1 connectivity': 0,
      'docker:docker-1/db container-state': 0,
      'docker:docker-1/db oom': 0,
      'docker:docker-1/db container-health': 0,
      'docker:docker-1/db restart-loop': 0,
      'docker:docker-1/db cpu': 1,
      'docker:docker-1/db memory': 10,
      'docker:docker-1/db memory-limit': 10,
    });
  });
  it('that is away is told at once, and its containers count as they counted', () => {
    const look = watching();
    expect(look([{ cpuPercent: 99 }])).toEqual(['fired d/db-cpu critical']);
    expect(look([{ cpuPercent: 99 }], { status: 'offline' })).toEqual(['fired d-connectivity critical']);
    expect(look([{ cpuPercent: 1 }], { status: 'offline' })).toEqual([]);
    expect(look([{}])).toEqual(['resolved d-connectivity recovered', 'resolved d/db-cpu recovered']);
  });
  it('that is away is judged by our clock', () =>
    expect(readDockerHost(dockerHostOf([], { status: 'offline' }), [], [], atOnce(), T0 + 5).look.time).toBe(T0 + 5));
  it('says nothing of containers that nobody wants to know of', () => {
    const look = watching({ dockerIgnoredContainerPrefixes: ['Tmp-'] });
    expect(
      look([
        { name: 'tmp-1', cpuPercent: 99 },
        { name: 'my-tmp-1', cpuPercent: 99 },
      ]),
    ).toEqual(['fired d/my-tmp-1-cpu critical']);
  });
});

describe('a container', () => {
  const ended = (exitCode: number, state = 'exited') => ({ state, exitCode });
  it.each<[string, Partial<ReportedContainer>, string[]]>([
    ['that failed is told at the second look', ended(1), ['fired d/db-container-state warning']],
    ['that died is told', ended(255, 'dead'), ['fired d/db-container-state warning']],
    ['that was done is not', ended(0), []],
    ['that was interrupted is not', ended(130), []],
    ['that was asked to end is not', ended(143), []],
    [
      'that was killed may have had no memory',
      ended(137),
      ['fired d/db-oom critical', 'fired d/db-container-state warning'],
    ],
    ['that is paused is not', ended(1, 'paused'), []],
    ['that runs again after it failed is not', ended(1, 'running'), []],
    ['that is not healthy is told', { health: 'unhealthy' }, ['fired d/db-container-health warning']],
    ['that is starting is not', { health: 'starting' }, []],
    ['that is not healthy, but ended as asked, is not', { health: 'unhealthy', ...ended(0) }, []],
    ['near its limit is told', { memoryUsageBytes: 90 }, ['fired d/db-memory-limit warning']],
    ['at its limit is critical', { memoryUsageBytes: 95 }, ['fired d/db-memory-limit critical']],
    ['without a limit is not', { memoryUsageBytes: 95, memoryLimitBytes: 0 }, []],
    ['on more than one core is critical', { cpuPercent: 350 }, ['fired d/db-cpu critical']],
  ])('%s', (_name, container, expected) => {
    const look = watching();
    look([{}]);
    expect([...look([container]), ...look([container])]).toEqual(expected);
  });
  it('that ended has no load any more', () => {
    const look = watching();
    look([{ cpuPercent: 99 }]);
    expect(look([ended(0)])).toEqual(['resolved d/db-cpu removed']);
  });
  it('that has another of its name beside it is as bad as the worse', () => {
    const look = watching();
    expect(look([{ id: 'a', cpuPercent: 85 }, { id: 'b' }])).toEqual(['fired d/db-cpu warning']);
    expect(look([{ id: 'b' }, { id: 'a', cpuPercent: 85 }])).toEqual([]);
  });
  it('without a name is told by its id', () =>
    expect(watching()([{ id: '0123456789abcdef', name: '', cpuPercent: 99 }])).toEqual([
      'fired d/0123456789ab-cpu critical',
    ]));
});

describe('restarts', () => {
  const counted = (restartCount: number, id = 'c1') => [{ id, restartCount }];
  it('count as they grow, not as they are at first', () => {
    const look = watching();
    expect([100, 101, 102].flatMap((count) => look(counted(count)))).toEqual([]);
    expect(look(counted(103))).toEqual(['fired d/db-restart-loop warning']);
    expect(look(counted(109))).toEqual(['level d/db-restart-loop critical']);
  });
  it('are forgotten after the window', () => {
    const look = watching();
    look(counted(0), { at: T0 });
    expect(look(counted(3), { at: T0 + 1000 })).toEqual(['fired d/db-restart-loop warning']);
    expect(look(counted(3), { at: T0 + 300_999 })).toEqual([]);
    expect(look(counted(3), { at: T0 + 301_000 })).toEqual(['resolved d/db-restart-loop recovered']);
  });
  it('that are too far apart are no loop', () => {
    const look = watching();
    expect(Array.from({ length: 20 }, (_, n) => look(counted(n), { at: T0 + n * 200_000 })).flat()).toEqual([]);
  });
  it('of a container that was made anew begin anew, and end what its forerunner did', () => {
    const look = watching();
    look(counted(0));
    expect(look(counted(5))).toEqual(['fired d/db-restart-loop warning']);
    expect(look(counted(7, 'c2'))).toEqual(['resolved d/db-restart-loop recovered']);
    expect(look(counted(10, 'c2'))).toEqual(['fired d/db-restart-loop warning']);
  });
  it('that are counted from 0 again are none', () => {
    const look = watching();
    look(counted(50));
    expect([...look(counted(0)), ...look(counted(2))]).toEqual([]);
  });
  it('while the host is away are as they were', () => {
    const look = watching();
    look(counted(0));
    look([], { status: 'offline' });
    expect(look(counted(3))).toEqual(expect.arrayContaining(['fired d/db-restart-loop warning']));
  });
  it('remember little', () => {
    const host = dockerHostOf([containerOf({ restartCount: 2 ** 31 - 1 })]);
    const { memory } = readDockerHost(
      host,
      [],
      [
        ['c1', 0, []],
        ['gone', 1, [T0]],
      ],
      atOnce(),
      T0,
    );
    expect(memory).toHaveLength(1);
    expect(memory[0]?.[2]).toHaveLength(100);
  });
});
