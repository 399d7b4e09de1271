import { Bus } from '@lapwing/bus';
import { healthGet } from '@lapwing/contracts';
import { Health } from '@lapwing/service';
import { NatsServer, eventually } from '@lapwing/testing';
import { CensusService } from '../src/services/census.service';

const WAIT_MS = 500;

describe('the census of replicas', () => {
  let nats: NatsServer;
  const running: Bus[] = [];

  const online = async (service: string): Promise<Bus> => {
    const bus = new Bus({ service, servers: nats.url });
    running.push(bus);
    bus.onModuleInit();
    await eventually(() => bus.online);
    return bus;
  };
  const replica = async (): Promise<{ health: Health; bus: Bus; hang: () => void; goOn: () => void }> => {
    const bus = await online('alerting');
    const health = new Health(bus);
    let held: Promise<void> | undefined;
    let goOn = (): void => {};
    // Longer than any look may take: as if the process was stopped.
    const report = health.report.bind(health);
    health.report = async () => {
      await held;
      return report();
    };
    health.onApplicationBootstrap();
    await bus.connection.link().connection.flush();
    return {
      health,
      bus,
      hang: () => {
        held = new Promise((resolve) => (goOn = resolve));
      },
      goOn: () => {
        held = undefined;
        goOn();
      },
    };
  };
  const start = async (): Promise<() => Promise<[number, number]>> => {
    const census = new CensusService(await online('gateway'));
    census.onApplicationBootstrap();
    return async () => {
      const all = await census.ask(healthGet, WAIT_MS);
      const { answers = [], silent = 0 } = all.find(({ service }) => service === 'alerting') ?? {};
      return [answers.length, silent];
    };
  };

  beforeEach(async () => {
    nats = await NatsServer.start();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((bus) => bus.onApplicationShutdown()));
    await nats.stop();
  });

  it('knows all at the first look, and misses one that hangs until it goes on', async () => {
    await replica();
    const second = await replica();
    const look = await start();
    expect(await look()).toEqual([2, 0]);
    second.hang();
    expect(await look()).toEqual([1, 1]);
    second.goOn();
    expect(await look()).toEqual([2, 0]);
  });

  it('does not miss one that stops in order', async () => {
    await replica();
    const second = await replica();
    const look = await start();
    expect(await look()).toEqual([2, 0]);
    await second.bus.stopAnswering();
    await eventually(async () => expect(await look()).toEqual([1, 0]));
    await second.bus.onApplicationShutdown();
    await eventually(async () => expect(await look()).toEqual([1, 0]));
  });

  it('takes one that was started for one that was killed', async () => {
    await replica();
    const second = await replica();
    const look = await start();
    expect(await look()).toEqual([2, 0]);
    await second.bus.connection.link().connection.close();
    expect(await look()).toEqual([1, 1]);
    await replica();
    // Whoever is new answers with the others, or is counted within ten seconds.
    await eventually(async () => expect(await look()).toEqual([2, 0]), 20_000);
  }, 30_000);

  it('finds nobody while NATS is away, and all when it is back', async () => {
    await replica();
    const look = await start();
    expect(await look()).toEqual([1, 0]);
    await nats.kill();
    await eventually(async () => expect(await look()).toEqual([0, 1]));
    await nats.run();
    await eventually(async () => expect(await look()).toEqual([1, 0]), 20_000);
  }, 30_000);
});
