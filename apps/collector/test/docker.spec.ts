import { createServer, type Server } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DockerReader } from '../src/sources/host/docker.part';

const stats = (total: number, system: number) => ({
  cpu_stats: { cpu_usage: { total_usage: total }, system_cpu_usage: system, online_cpus: 2 },
  memory_stats: { usage: 5000, stats: { inactive_file: 1000 } },
});

describe('the Docker engine, over its socket', () => {
  let folder: string;
  let socket: string;
  let server: Server;
  let asked: string[];
  let answers: Record<string, () => unknown>;
  const id = 'a'.repeat(64);

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-docker-'));
    socket = path.join(folder, 'docker.sock');
    asked = [];
    let reading = 0;
    answers = {
      '/containers/json': () => [
        { Id: id, Names: ['/web'], State: 'running' },
        { Id: 'b'.repeat(64), Names: ['/db'], State: 'exited' },
      ],
      [`/containers/${id}/stats`]: () => stats(++reading * 1000, reading * 10_000),
    };
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const answer = answers[(request.url ?? '').split('?')[0] ?? ''];
      response.writeHead(answer ? 200 : 404).end(JSON.stringify(answer?.() ?? { message: 'no such container' }));
    }).listen(socket);
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('lists containers with what they use, and only ever asks', async () => {
    const reader = new DockerReader(socket);
    await reader.read();
    expect(await reader.read()).toEqual({
      available: true,
      containers: [
        { id: 'b'.repeat(12), name: 'db', status: 'exited', cpu: 0, memory: 0 },
        { id: 'a'.repeat(12), name: 'web', status: 'running', cpu: 20, memory: 4000 },
      ],
    });
    expect(asked.every((line) => line.startsWith('GET '))).toBe(true);
  });

  it('lives with a container that is gone between the two questions', async () => {
    delete answers[`/containers/${id}/stats`];
    expect((await new DockerReader(socket).read()).containers[1]).toMatchObject({ name: 'web', cpu: 0, memory: 0 });
  });

  it('fails when the engine answers rubbish, and says "not available" without one', async () => {
    delete answers['/containers/json'];
    await expect(new DockerReader(socket).read()).rejects.toThrow('404');
    expect((await new DockerReader(path.join(folder, 'none.sock')).read()).available).toBe(false);
  });
});
