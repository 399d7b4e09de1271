import { roleList } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { draining } from '../src/http/drain';
import { ADMIN_TOKEN, Harness } from './harness';

const READY = '/api/system/health/ready';

describe('a gateway that is asked to end', () => {
  let harness: Harness;
  let agent: Agent;

  beforeEach(async () => {
    harness = await Harness.start();
    agent = new Agent({ keepAlive: true, maxSockets: 1 });
  });
  afterEach(async () => {
    agent.destroy();
    await harness.stop();
  });

  /** Asks on a connection that is kept. */
  const ask = (route: string, on: Agent = agent): Promise<{ answer: IncomingMessage; body: string }> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
      const asked = request(new URL(route, harness.url), { agent: on, headers }, (answer) => {
        let body = '';
        answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
        answer.once('end', () => resolve({ answer, body }));
        answer.once('error', reject);
      });
      asked.once('error', reject).end();
    });
  /** Whether a new connection is taken. */
  const isOpen = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(Number(new URL(harness.url).port), '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });

  it('answers what is under way, and asks for no more on the same connection', async () => {
    let answer = (): void => {};
    const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
    let asked = 0;
    await harness.respond(roleList, async () => {
      asked++;
      await mayAnswer;
      return { roles: [] };
    });
    const slow = ask('/api/v1/roles');
    await eventually(() => asked > 0);
    const closed = draining(harness.app).close();
    await eventually(async () => expect(await isOpen()).toBe(false));
    answer();
    const { answer: answered } = await slow;
    expect([answered.statusCode, answered.headers.connection]).toEqual([200, 'close']);
    await closed;
  });

  it('stays open until whoever asks for its readiness has heard that it wants no more', async () => {
    const probes = new Agent();
    for (let probe = 0; probe < 3; probe++) expect((await ask(READY, probes)).answer.statusCode).toBe(200);
    const closed = draining(harness.app).close();
    // What comes meanwhile is still answered, on connections that are kept and on new ones.
    const late = await ask('/api/v1/health');
    expect([late.answer.statusCode, late.answer.headers.connection]).toEqual([200, 'close']);
    const { answer, body } = await ask(READY, probes);
    expect(answer.statusCode).toBe(503);
    expect(JSON.parse(body)).toMatchObject({
      ready: false,
      status: 'not_ready',
      services: { gateway: { message: 'this gateway is about to stop' } },
    });
    expect(await isOpen()).toBe(true);
    await eventually(async () => expect(await isOpen()).toBe(false));
    await closed;
  });

  it('waits for nobody where nobody asks for its readiness', async () => {
    await pause(1100); // a probe that comes again and again would have come
    const begun = performance.now();
    await draining(harness.app).close();
    expect(performance.now() - begun).toBeLessThan(2500);
  });

  it('ends streams of events so that their clients come back, and closes sockets', async () => {
    const streams = new Agent({ keepAlive: true });
    const stream = ask('/api/v1/stream', streams);
    const socket = new WebSocket(`${harness.url.replace('http', 'ws')}/ws?token=${ADMIN_TOKEN}`);
    const closing = new Promise<number>((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('open', resolve));
    await harness.settle();
    const closed = draining(harness.app).close();
    const { body } = await stream;
    const retries = [...body.matchAll(/^retry: (\d+)$/gm)].map((match) => Number(match[1]));
    expect(retries[0]).toBe(3000);
    expect(retries.at(-1)).toBeLessThanOrEqual(1500);
    expect(await closing).toBe(1001);
    await closed;
    streams.destroy();
  });
});
