import { DockerEngineServer } from '@lapwing/testing';
import { DockerEngine } from '../src/sources/docker/engine';
import { ContainerReader, toReported } from '../src/sources/docker/report';
import { DockerReader } from '../src/sources/host/docker.part';

const stats = (total: number, system: number) => ({
  cpu_stats: { cpu_usage: { total_usage: total }, system_cpu_usage: system, online_cpus: 2 },
  memory_stats: { usage: 5000, limit: 8000, stats: { inactive_file: 1000 } },
});
const NOW = Date.UTC(2026, 0, 15, 10);

describe('the Docker engine, over its socket', () => {
  let server: DockerEngineServer;
  const id = 'a'.repeat(64);

  beforeEach(async () => {
    server = await DockerEngineServer.start();
    let reading = 0;
    Object.assign(server.answers, {
      '/info': () => ({ Name: 'engine', NCPU: 2, MemTotal: 1024, ServerVersion: '27.0.1' }),
      '/containers/json': () => [
        { Id: id, Names: ['/web'], State: 'running', Image: 'nginx', Created: 1_768_400_000, Status: 'Up' },
        {
          Id: 'b'.repeat(64),
          Names: ['/db'],
          State: 'exited',
          Image: 'postgres',
          Created: 1_768_400_000,
          Status: 'Exited (1)',
        },
      ],
      [`/containers/${id}/stats`]: () => stats(++reading * 1000, reading * 10_000),
      [`/containers/${id}/json`]: () => ({ RestartCount: 2, State: { ExitCode: 0, Health: { Status: 'healthy' } } }),
      [`/containers/${'b'.repeat(64)}/json`]: () => ({ RestartCount: 0, State: { ExitCode: 1 } }),
    });
  });
  afterEach(() => server.stop());

  it('lists containers with what they use, and only ever asks', async () => {
    const reader = new DockerReader(server.socket);
    await reader.read();
    expect(await reader.read()).toEqual({
      available: true,
      containers: [
        { id: 'b'.repeat(12), name: 'db', status: 'exited', cpu: 0, memory: 0 },
        { id: 'a'.repeat(12), name: 'web', status: 'running', cpu: 20, memory: 4000 },
      ],
    });
    expect(server.asked.every((line) => line.startsWith('GET '))).toBe(true);
  });

  it('lives with a container that is gone between the two questions', async () => {
    delete server.answers[`/containers/${id}/stats`];
    expect((await new DockerReader(server.socket).read()).containers[1]).toMatchObject({
      name: 'web',
      cpu: 0,
      memory: 0,
    });
  });

  it('fails when the engine answers rubbish, and says "not available" without one', async () => {
    delete server.answers['/containers/json'];
    await expect(new DockerReader(server.socket).read()).rejects.toThrow('404');
    expect((await new DockerReader(`${server.socket}.none`).read()).available).toBe(false);
  });

  it('tells what is reported of a host', async () => {
    const reader = new ContainerReader(new DockerEngine(server.socket));
    await reader.read();
    const { info, containers } = await reader.read();
    expect(info).toMatchObject({ Name: 'engine', NCPU: 2 });
    expect(containers).toMatchObject([
      { name: 'db', state: 'exited', exitCode: 1, cpuPercent: 0 },
      { name: 'web', health: 'healthy', restartCount: 2, cpuPercent: 20, memoryUsageBytes: 4000, memoryPercent: 50 },
    ]);
  });

  it('remembers a container about which one question fails, and leaves one out that it never knew', async () => {
    const reader = new ContainerReader(new DockerEngine(server.socket));
    await reader.read();
    delete server.answers[`/containers/${id}/json`];
    expect((await reader.read()).containers).toMatchObject([{ name: 'db' }, { name: 'web', restartCount: 2 }]);
    expect((await new ContainerReader(new DockerEngine(server.socket)).read()).containers).toMatchObject([
      { name: 'db' },
    ]);
  });

  it('does not wait for an engine that is stopped in the middle of an answer', async () => {
    server.hangUpAt = '/info';
    await expect(new DockerEngine(server.socket).get('/info')).rejects.toThrow(/hung up|aborted/);
  });
});

describe('a container as it is reported', () => {
  it('has its times, ports and networks', () => {
    const listed = {
      Id: 'c1',
      Names: ['/web'],
      Image: 'nginx',
      Created: NOW / 1000 - 3600,
      State: 'running',
      Status: 'Up 1 hour',
      Ports: [
        { PrivatePort: 80, PublicPort: 8080, Type: 'tcp', IP: '0.0.0.0' },
        { PrivatePort: 53, Type: 'udp' },
      ],
      NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.2', GlobalIPv6Address: '' } } },
    };
    const inspected = {
      State: { StartedAt: new Date(NOW - 60_000).toISOString(), FinishedAt: '0001-01-01T00:00:00Z' },
    };
    expect(toReported(listed, inspected, { cpu: 1, memory: 10, limit: 0 }, NOW)).toMatchObject({
      createdAt: '2026-01-15T09:00:00.000Z',
      uptimeSeconds: 60,
      memoryPercent: 0,
      ports: [
        { privatePort: 80, publicPort: 8080, protocol: 'tcp', ip: '0.0.0.0' },
        { privatePort: 53, protocol: 'udp' },
      ],
      networks: [{ name: 'bridge', ipv4: '172.17.0.2' }],
    });
  });
});
