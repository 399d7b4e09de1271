import type { MailGateway } from '@lapwing/contracts';
import { atOnce, T0, targetOf, valuesOf } from '../../../test/estate-fixtures';
import { Engine } from '../engine';
import { readMail, type MailMemory } from './mail';

const MIN = 60_000;
type Queue = NonNullable<MailGateway['nodes'][number]['queue']>;
const queueOf = (queue: Partial<Queue>): Queue => ({
  active: 0,
  deferred: 0,
  hold: 0,
  incoming: 0,
  oldestAge: 0,
  ...queue,
});
function gateway(queues: (Queue | null)[], spam: number | null = 0, virus = 0): MailGateway {
  const quarantine = spam === null ? null : { spam, virus, attachment: 0, blacklisted: 0 };
  const nodes = queues.map((queue, at) => ({
    name: `pmg${at}`,
    status: '',
    role: '',
    uptime: 1,
    loadAverage: '',
    queue,
  }));
  return { nodes, mail: null, hours: [], spamScores: [], quarantine, readAt: T0 };
}

function watching(patch: Record<string, unknown> = {}) {
  const config = atOnce(patch);
  const engine = new Engine(config);
  let memory: MailMemory = [];
  return (given: MailGateway, at: number) => {
    const read = readMail(targetOf({ mailGateway: [given] }, { type: 'pmg', time: at }), memory, config.pmgThresholds);
    memory = JSON.parse(JSON.stringify(read.memory)) as MailMemory;
    expect(memory.length).toBeLessThanOrEqual(13);
    return engine.look(read.look);
  };
}

describe('a mail gateway', () => {
  it('tells of its queues, all nodes together', () => {
    const queues = [
      queueOf({ active: 1, deferred: 2, hold: 3, incoming: 4, oldestAge: 600 }),
      null,
      queueOf({ deferred: 10, oldestAge: 60 }),
    ];
    const { look } = readMail(
      targetOf({ mailGateway: [gateway(queues, 7, 8)] }, { type: 'pmg' }),
      [],
      atOnce().pmgThresholds,
    );
    expect(valuesOf(look)).toEqual({
      'pmg-home queue-depth': 20,
      'pmg-home queue-deferred': 12,
      'pmg-home queue-hold': 3,
      'pmg-home message-age': 10,
      'pmg-home quarantine-spam': 7,
      'pmg-home quarantine-virus': 8,
      'pmg-home quarantine-growth': 0,
    });
  });
  it('that does not say is not known', () => {
    for (const items of [[], [gateway([null], null)]]) {
      const { look } = readMail(targetOf({ mailGateway: items }, { type: 'pmg' }), [], atOnce().pmgThresholds);
      expect(new Set(Object.values(valuesOf(look)))).toEqual(new Set([null]));
    }
  });
  it.each<[Partial<Queue>, string[]]>([
    [{ active: 499 }, []],
    [{ active: 500 }, ['queue-depth warning']],
    [{ incoming: 1000 }, ['queue-depth critical']],
    [{ deferred: 200 }, ['queue-deferred warning']],
    [{ hold: 300 }, ['queue-hold critical']],
    [{ oldestAge: 1800 }, ['message-age warning']],
    [{ oldestAge: 3600 }, ['message-age critical']],
  ])('with %j in its queue: %j', (queue, expected) =>
    expect(watching()(gateway([queueOf(queue)]), T0).map(({ signal, level }) => `${signal} ${level}`)).toEqual(
      expected,
    ),
  );
});

describe('the quarantine', () => {
  /** Looks at numbers of mails ten minutes apart. */
  const grown = (numbers: (number | null)[], patch: Record<string, unknown> = {}) => {
    const look = watching(patch);
    return numbers.flatMap((spam, index) =>
      look(gateway([], spam), T0 + index * 10 * MIN)
        .filter(({ signal }) => signal === 'quarantine-growth')
        .map(({ kind, level }) => `${index} ${kind} ${level}`),
    );
  };
  it.each<[string, (number | null)[], string[]]>([
    ['does not grow at first', [9000], []],
    ['grows by enough of both', [1000, 1249, 1250], ['2 fired warning']],
    ['grows by few mails, though many percent', [100, 349], []],
    ['grows by many mails, though few percent', [10_000, 12_499], []],
    ['grows by half, but not by enough mails for critical', [600, 1099], ['1 fired warning']],
    ['grows by half', [600, 1100], ['1 fired critical']],
    ['grows from nothing: of how many percent nobody can say', [0, 5000], []],
    ['is not known in between', [1000, null, 1500], ['2 fired critical']],
    [
      'is what it was two hours ago',
      [1000, ...Array.from({ length: 12 }, () => 1250), 1250, 1250],
      ['1 fired warning', '13 resolved warning'],
    ],
    ['shrinks', [5000, 100], []],
  ])('%s', (_name, numbers, expected) => expect(grown(numbers)).toEqual(expected));
  it('says how it grew', () => {
    const look = watching();
    look(gateway([], 600), T0);
    expect(look(gateway([], 1099), T0 + MIN)[0]?.message).toBe(
      'Growth of the spam quarantine of mail gateway home: 499 more mails than up to two hours ago, 83 %',
    );
  });
  it('is critical at once where nobody asks for many', () =>
    expect(grown([600, 900], { pmgThresholds: { quarantineGrowthCritMin: 0 } })).toEqual(['1 fired critical']));
  it('is never critical where that is off', () =>
    expect(grown([600, 6000], { pmgThresholds: { quarantineGrowthCritPct: 0 } })).toEqual(['1 fired warning']));
});
