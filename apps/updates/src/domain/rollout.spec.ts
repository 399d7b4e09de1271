import type { AgentFigures } from '@lapwing/contracts';
import {
  assignRings,
  countsOf,
  isOlder,
  isWatched,
  obstacle,
  progressOf,
  toleratedIn,
  worseThan,
  type Look,
  type Member,
} from './rollout';

const MIB = 2 ** 20;
const HOUR = 3_600_000;
const idle = { state: 'idle', version: null, error: null } as const;

function figures(changes: Partial<AgentFigures> = {}): AgentFigures {
  return {
    version: '0.1.0',
    startedAt: 0,
    cpuSeconds: 36,
    rssBytes: 60 * MIB,
    taken: 720,
    lost: 0,
    problem: null,
    update: idle,
    ...changes,
  };
}

describe('rings', () => {
  const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `host-${index}`);
  const sizes = (count: number): number[] => {
    const rings = [...assignRings(ids(count), '0.2.0').values()];
    return [0, 1, 2, 3].map((ring) => rings.filter((one) => one === ring).length);
  };

  it.each([
    [0, [0, 0, 0, 0]],
    [1, [1, 0, 0, 0]],
    [3, [1, 0, 0, 2]],
    [20, [1, 0, 4, 15]],
    [100, [1, 4, 20, 75]],
    [1000, [10, 40, 200, 750]],
  ])('of %d agents are of %j', (count, expected) => {
    expect(sizes(count)).toEqual(expected);
  });

  it('follow from id and version, whatever the order', () => {
    const rings = assignRings(ids(1000), '0.2.0');
    expect(assignRings(ids(1000).toReversed(), '0.2.0')).toEqual(rings);
    const first = (version: string) => [...assignRings(ids(1000), version)].filter(([, ring]) => ring === 0);
    expect(first('0.3.0')).not.toEqual(first('0.2.0'));
  });
});

describe('who is part of it', () => {
  it.each<[string, Partial<AgentFigures>, string | undefined]>([
    ['an older one', {}, undefined],
    ['one whose last update failed', { update: { state: 'failed', version: '0.2.0', error: 'x' } }, undefined],
    ['one with a problem', { problem: 'it trusts no key' }, 'it trusts no key'],
    ['one of this version', { version: '0.2.0' }, 'it runs this version already'],
    ['a newer one', { version: '0.3.0' }, 'it runs 0.3.0, which is not older'],
    ['one of no version', { version: 'main' }, 'it runs main, which is not older'],
    ['one that updates', { update: { ...idle, state: 'fetching' } }, 'another update of it is under way'],
  ])('%s', (_, changes, expected) => {
    expect(obstacle(figures(changes), '0.2.0')).toBe(expected);
  });

  it('knows that a release is newer than its candidates', () => {
    expect(isOlder('0.2.0-rc.1', '0.2.0')).toBe(true);
    expect(isOlder('0.2.0', '0.2.0')).toBe(false);
    expect(isOlder('', '0.2.0')).toBe(false);
  });
});

describe('an agent under way', () => {
  const member = (orders: number): Member => ({
    agentId: 'db1',
    since: 1000,
    ring: 0,
    state: 'updating',
    versionFrom: '0.1.0',
    reason: null,
    memo: { orders },
  });
  const at = (seconds: number, changes: Partial<AgentFigures>, orders = 3) =>
    progressOf(member(orders), '0.2.0', { at: 1000 + seconds * 1000, figures: figures(changes) }, 180_000);
  const update = (state: AgentFigures['update']['state'], error: string | null = null) => ({
    update: { state, version: '0.2.0', error },
  });

  it('is there when the new version has proved itself', () => {
    expect(at(10, update('fetching'))).toBeUndefined();
    expect(at(20, { version: '0.2.0', ...update('trial') })).toBeUndefined();
    expect(at(60, { version: '0.2.0' })).toBe('arrived');
  });

  it('that knows nothing of it has not heard the order', () => {
    expect(at(10, {})).toBe('deaf');
  });

  it('is worse off when it has given up, or takes too long', () => {
    const reason = 'it ended 2 times before it had proved itself';
    expect(at(10, update('failed', reason))).toEqual({ worse: `db1 did not take version 0.2.0: ${reason}` });
    expect(at(181, update('fetching'))).toEqual({ worse: 'db1 still runs 0.1.0 after 180 s' });
  });
});

describe('an agent against its own past', () => {
  /** An hour at 1 % of a core and a sample every 5 s. */
  const before: Look = { at: HOUR, figures: figures() };
  const start = { version: '0.2.0', startedAt: HOUR, cpuSeconds: 2, taken: 10 };
  const judged = (seconds: number, changes: Partial<AgentFigures>, memo: Member['memo'] = {}): string | undefined => {
    const from = { at: HOUR + 60_000, figures: figures(start) };
    const fair = { cpuSeconds: 2 + seconds * 0.01, taken: 10 + seconds / 5 };
    const to = { at: from.at + seconds * 1000, figures: figures({ ...start, ...fair, ...changes }) };
    return worseThan({ agentId: 'db1', memo: { before, ...memo } }, '0.2.0', { from, to, isOver: seconds >= 600 });
  };

  it('is no worse when it does as before', () => {
    for (const seconds of [0, 5, 60, 600]) expect(judged(seconds, {})).toBeUndefined();
  });

  it('may use half as much more of the processor, or one point', () => {
    expect(judged(600, { cpuSeconds: 2 + 600 * 0.0199 })).toBeUndefined();
    expect(judged(600, { cpuSeconds: 2 + 600 * 0.041 })).toBe('db1 uses 4.1 % of a core, 1.0 % before');
    expect(judged(60, { cpuSeconds: 2 + 60 * 0.041 })).toBe('db1 uses 4.1 % of a core, 1.0 % before');
    // A burst of some seconds says nothing yet.
    expect(judged(30, { cpuSeconds: 12 })).toBeUndefined();
    const busy = { before: { at: HOUR, figures: figures({ cpuSeconds: 360 }) } };
    expect(judged(600, { cpuSeconds: 2 + 600 * 0.149 }, busy)).toBeUndefined();
    expect(judged(600, { cpuSeconds: 2 + 600 * 0.151 }, busy)).toBe('db1 uses 15.1 % of a core, 10.0 % before');
  });

  it('may take three tenths more memory, or 32 MiB', () => {
    expect(judged(5, { rssBytes: 92 * MIB })).toBeUndefined();
    expect(judged(5, { rssBytes: 93 * MIB })).toBe('db1 takes 93 MiB of memory, 60 MiB before');
    const large = { before: { at: HOUR, figures: figures({ rssBytes: 200 * MIB }) } };
    expect(judged(5, { rssBytes: 260 * MIB }, large)).toBeUndefined();
    expect(judged(5, { rssBytes: 261 * MIB }, large)).toBe('db1 takes 261 MiB of memory, 200 MiB before');
  });

  it('must lose no samples where it lost none', () => {
    expect(judged(5, { lost: 3 })).toBe('db1 has lost 3 samples, none before');
    expect(judged(5, { lost: 3 }, { before: { at: HOUR, figures: figures({ lost: 1 }) } })).toBeUndefined();
  });

  it('must have its samples stored, and take at least half of what was due', () => {
    expect(judged(600, { waiting: 100 })).toBe(
      '100 samples of db1 wait and are not stored, and about 120 were due while it was watched',
    );
    expect(judged(600, { waiting: 50 })).toBeUndefined();
    expect(judged(600, { taken: 60 })).toBe('db1 took 50 samples, and about 120 were due while it was watched');
    expect(judged(600, { taken: 75 })).toBeUndefined();
  });

  it('must go on taking samples', () => {
    expect(judged(600, { taken: 10 })).toBe('db1 took 0 samples, and about 120 were due while it was watched');
    const rare = { before: { at: HOUR, figures: figures({ taken: 12 }) } };
    expect(judged(600, { taken: 10 }, rare)).toBeUndefined();
  });

  it('may be started again once', () => {
    expect(judged(5, {}, { restarts: 1 })).toBeUndefined();
    expect(judged(5, {}, { restarts: 2 })).toBe('db1 was started again 2 times while it was watched');
  });

  it('must not have gone back', () => {
    expect(judged(5, { version: '0.1.0' })).toBe('db1 runs 0.1.0 again');
    const update = { state: 'failed', version: '0.2.0', error: 'it blocked' } as const;
    expect(judged(5, { version: '0.1.0', update })).toBe('db1 runs 0.1.0 again: it blocked');
  });

  it('is judged where nothing is known of its past only by what it is', () => {
    const look = { at: 0, figures: figures({ version: '0.2.0', rssBytes: 2 ** 40 }) };
    const watch = { from: look, to: look, isOver: true };
    expect(worseThan({ agentId: 'db1', memo: {} }, '0.2.0', watch)).toBeUndefined();
  });
});

describe('a watch', () => {
  it('is long enough when the run that is seen is, too', () => {
    expect(isWatched({ since: 600_000, run: 5000 }, 600_000)).toBe(false);
    expect(isWatched({ since: 660_000, run: 60_000 }, 600_000)).toBe(true);
    expect(isWatched({ since: 599_000, run: 599_000 }, 600_000)).toBe(false);
    expect(isWatched({ since: 5000, run: 5000 }, 5000)).toBe(true);
  });
});

describe('a ring', () => {
  it('of the first ones tolerates nothing, of the later ones one of fifty', () => {
    expect([0, 1].map((ring) => toleratedIn(ring, 1000))).toEqual([0, 0]);
    expect([1, 49, 100, 3000].map((size) => toleratedIn(3, size))).toEqual([1, 1, 2, 60]);
  });
});

describe('counts', () => {
  it('name every state', () => {
    expect(countsOf({ healthy: 3 })).toEqual({
      waiting: 0,
      updating: 0,
      watched: 0,
      healthy: 3,
      worse: 0,
      reverted: 0,
      skipped: 0,
    });
  });
});
