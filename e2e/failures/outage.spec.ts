import { CuttableProxy, eventually } from '@lapwing/testing';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { AgentProcess } from '../src/agent-process';
import { Lapwing } from '../src/lapwing';

const SECOND = 1000;

interface Ledger {
  hours: { taken: number; stored: number; lost: number; pending: number }[];
  gaps: { from: string; to: string; cause: string; lost: number }[];
}

describe('an agent that is cut off from the server', () => {
  let lapwing: Lapwing;
  let proxy: CuttableProxy;
  let agent: AgentProcess;

  beforeAll(async () => {
    proxy = await CuttableProxy.listen();
    lapwing = await Lapwing.create();
    await lapwing.start([], { FLEET_AGENT_NATS_URL: `nats://127.0.0.1:${proxy.port}` });
    proxy.leadTo(Number(new URL(await lapwing.natsUrl()).port));
    agent = await AgentProcess.create();
  }, 180_000);
  afterAll(async () => {
    proxy.close();
    await agent.remove();
    await lapwing.remove();
  }, 60_000);

  const start = () =>
    agent.start({ LAPWING_URL: lapwing.url, COLLECTOR_AGENT_ID: 'far-1', COLLECTOR_INTERVAL: '1', LOG_LEVEL: 'error' });
  const ledger = async (): Promise<Ledger> => (await lapwing.get<Ledger>('/api/v1/ledger?agent_id=far-1')).body;
  const sum = (hours: Ledger['hours'], of: 'taken' | 'stored' | 'lost' | 'pending'): number =>
    hours.reduce((total, hour) => total + hour[of], 0);

  it('takes samples all the same, and killed meanwhile it loses no more than it was dead for; the ledger agrees exactly', async () => {
    start();
    await eventually(async () => {
      await lapwing.ask('POST', '/api/v1/agents/pending/far-1/approve', lapwing.credentials);
      expect(sum((await ledger()).hours, 'stored')).toBeGreaterThan(3);
    }, 60_000);
    const natsPort = Number(new URL(await lapwing.natsUrl()).port);
    proxy.cut();
    const cutAt = Date.now();
    await pause(5 * SECOND); // the outage, in which samples are taken
    const killedAt = Date.now();
    await agent.stop('SIGKILL');
    start();
    await pause(5 * SECOND);
    const storedBefore = sum((await ledger()).hours, 'stored');
    proxy.leadTo(natsPort);
    const healedAt = Date.now();
    const { hours, gaps } = await eventually(async () => {
      const now = await ledger();
      expect(sum(now.hours, 'stored')).toBeGreaterThan(storedBefore + 7);
      expect(sum(now.hours, 'pending')).toBe(0);
      expect(now.gaps.length).toBeGreaterThan(0);
      return now;
    }, 60_000);
    expect(sum(hours, 'taken')).toBe(sum(hours, 'stored'));
    expect(sum(hours, 'lost')).toBe(0);
    expect(gaps).toMatchObject([{ cause: 'collector_killed', lost: 0 }]);
    const database = new pg.Client({ connectionString: await lapwing.databaseUrl() });
    await database.connect();
    const { rows } = await database.query<{ time: Date; seq: string }>(
      `SELECT s.time, s.seq FROM metrics.host_sample s JOIN metrics.resource r ON r.id = s.resource_id
       WHERE r.agent_id = 'far-1' ORDER BY s.time`,
    );
    await database.end();
    expect(rows.map(({ seq }) => Number(seq))).toEqual(rows.map((_, index) => index + 1));
    const times = rows.map(({ time }) => time.getTime());
    const during = times.filter((time) => time > cutAt && time < healedAt);
    // 10 s without the network, and a restart of a second or two within them.
    expect(during.length).toBeGreaterThanOrEqual(7);
    const [before = 0, after = 0] = [times.findLast((time) => time <= killedAt), times.find((time) => time > killedAt)];
    expect(killedAt - before).toBeLessThanOrEqual(1.2 * SECOND);
    expect(after - killedAt).toBeLessThanOrEqual(4 * SECOND);
  }, 120_000);
});
