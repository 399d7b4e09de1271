import { Heartbeat } from './heartbeat';

describe('a heartbeat', () => {
  const well = () => ({ status: 'healthy' as const, message: 'well' });
  let now = 0;
  const clock = () => now;
  beforeEach(() => (now = 1000));

  it('counts from its making, and lets a loop be silent for a while', () => {
    const heartbeat = new Heartbeat(5000, clock);
    now += 5000;
    expect(heartbeat.finding(well)).toEqual(well());
    now += 1;
    expect(heartbeat.finding(well)).toEqual({ status: 'unhealthy', message: 'has done nothing for 5 s' });
  });

  it('is well again with the next beat', () => {
    const heartbeat = new Heartbeat(5000, clock);
    now += 60_000;
    expect(heartbeat.isAlive).toBe(false);
    heartbeat.beat();
    expect(heartbeat.isAlive).toBe(true);
  });

  it('may rest for ever, until it has beaten', () => {
    const heartbeat = new Heartbeat(5000, clock);
    heartbeat.rest();
    now += 1e9;
    expect([heartbeat.isAlive, heartbeat.silentMs]).toEqual([true, 0]);
    heartbeat.beat();
    now += 5001;
    expect(heartbeat.isAlive).toBe(false);
  });
});
