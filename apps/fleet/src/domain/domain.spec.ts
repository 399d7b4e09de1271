import { Instances } from './instances';
import { changeOverride, settingsOf } from './settings';
import { pageOf } from './pages';
import { judge, type Known } from './admission';
import { presenceOf } from './presence';

describe('presence', () => {
  const at = (sinceLast: number, listening = 1e9) =>
    presenceOf({ lastSeenAt: 1e12 - sinceLast, intervalMs: 5000 }, 1e12, 1e12 - listening);
  it.each([
    [0, 'online'],
    [5900, 'online'],
    [6000, 'stale'],
    [15_900, 'stale'],
    [16_000, 'offline'],
  ])('after %d ms without a beat of 5 s is %s', (sinceLast, expected) => expect(at(sinceLast)).toBe(expected));
  it('is never offline within two intervals of the time from which anybody listened', () => {
    expect(at(3_600_000, 0)).toBe('stale');
    expect(at(3_600_000, 11_000)).toBe('stale');
    expect(at(3_600_000, 11_001)).toBe('offline');
  });
  it('is offline for an agent that was never heard', () =>
    expect(presenceOf({ lastSeenAt: null, intervalMs: 5000 }, 1e12, 0)).toBe('offline'));
  it('counts a beat from the future as one that has just come', () => expect(at(-60_000)).toBe('online'));
});

describe('runs of one agent', () => {
  const hear = (runs: string) => {
    const instances = new Instances();
    return runs.split('').map((run) => instances.hear(run));
  };
  it('are one after the other when it is restarted, however often', () =>
    expect(hear('aaabbbcccd')).not.toContain(true));
  it('alternate when two machines have one identity', () =>
    expect(hear('aabba')).toEqual([false, false, false, false, true]));
  it('are one again after the other was switched off', () =>
    expect(hear('abaaabbb').slice(3)).toEqual([false, false, false, false, false]));
  it('are remembered within a bound', () => expect(hear('xabcdefghijklmnopqrstuvwx').at(-1)).toBe(false));
});

describe('the settings of an agent', () => {
  it('are those of the system until something is set for it alone', () => {
    expect(settingsOf({ refreshInterval: 7 }, {}).refreshInterval).toBe(7);
    const override = changeOverride({}, { refreshInterval: 2, sources: ['gpu', 'cpu'] });
    expect(settingsOf({ refreshInterval: 7 }, override)).toEqual({
      refreshInterval: 2,
      sources: ['cpu', 'gpu'],
      logSources: [{ kind: 'journal' }, { kind: 'docker' }, { kind: 'service' }],
    });
  });
  it('go back to those of the system with null', () =>
    expect(changeOverride({ refreshInterval: 2, sources: ['cpu'] }, { refreshInterval: null })).toEqual({
      sources: ['cpu'],
    }));
});

describe('a page', () => {
  const things = (...sizes: number[]) => sizes.map((size, index) => ({ id: String(index), text: 'x'.repeat(size) }));
  const ids = (sizes: number[], limit: number) => {
    const { page, next } = pageOf(things(...sizes), limit, ({ id }) => id);
    return [page.map(({ id }) => id).join(''), next];
  };
  it('holds all that there is, and is the last', () => {
    expect(ids([1, 1, 1], 4)).toEqual(['012', null]);
    expect(ids([], 4)).toEqual(['', null]);
  });
  it('is not the last when as many were found as were looked for', () => expect(ids([1, 1], 2)).toEqual(['01', '1']));
  it('ends where a message would be too large', () => expect(ids([200_000, 200_000, 200_000], 9)).toEqual(['01', '1']));
  it('holds one that is too large by itself', () => expect(ids([600_000, 1], 9)).toEqual(['0', '0']));
});

describe('admission', () => {
  const nobody: Known = { agent: null, token: null, vouched: false, registration: null, rival: false };
  const approved = { state: 'approved' as const, publicKey: 'A' };
  const later = { state: 'rejected' as const, rejectedUntil: 2000 };
  it.each<[string, Partial<Known>, ReturnType<typeof judge>]>([
    ['a stranger waits', {}, { do: 'wait', as: 'pending' }],
    ['it goes on waiting', { registration: { state: 'pending', rejectedUntil: null } }, { do: 'wait', as: 'pending' }],
    ['a second machine of the same id is a clone', { rival: true }, { do: 'wait', as: 'quarantined' }],
    [
      'so is one beside a registered agent',
      { agent: { ...approved, publicKey: 'B' } },
      { do: 'wait', as: 'quarantined' },
    ],
    ['a registered agent comes in', { agent: approved }, { do: 'admit' }],
    ['also with a token that is long used up', { agent: approved, token: 'bad' }, { do: 'admit' }],
    ['a revoked one does not', { agent: { ...approved, state: 'revoked' } }, { do: 'refuse', code: 'AGENT_REVOKED' }],
    [
      'not even with a token',
      { agent: { ...approved, state: 'revoked' }, token: 'good' },
      { do: 'refuse', code: 'AGENT_REVOKED' },
    ],
    ['one that runs twice waits', { agent: { ...approved, state: 'quarantined' } }, { do: 'wait', as: 'quarantined' }],
    [
      'one that was added comes in with its token',
      { agent: { state: 'added', publicKey: null }, token: 'good' },
      { do: 'admit' },
    ],
    ['and waits without', { agent: { state: 'added', publicKey: null } }, { do: 'wait', as: 'pending' }],
    ['a wrong token is told', { token: 'bad' }, { do: 'refuse', code: 'ENROLLMENT_TOKEN_INVALID' }],
    [
      'a token is no way past a registered agent',
      { agent: { ...approved, publicKey: 'B' }, token: 'good' },
      { do: 'wait', as: 'quarantined' },
    ],
    ['a rejected one may not ask yet', { registration: later }, { do: 'refuse', code: 'AGENT_REJECTED', until: 2000 }],
    ['and later may', { registration: { ...later, rejectedUntil: 500 } }, { do: 'wait', as: 'pending' }],
    ['this machine comes in', { vouched: true }, { do: 'admit' }],
    ['also when it has lost its key', { vouched: true, agent: { ...approved, publicKey: 'B' } }, { do: 'admit' }],
    [
      'but not when it was revoked',
      { vouched: true, agent: { ...approved, state: 'revoked' } },
      { do: 'refuse', code: 'AGENT_REVOKED' },
    ],
    [
      'and not when it runs twice',
      { vouched: true, agent: { ...approved, state: 'quarantined' } },
      { do: 'wait', as: 'quarantined' },
    ],
    [
      'a copy with the token that its original has used is a clone',
      { token: 'bad', agent: { ...approved, publicKey: 'B' } },
      { do: 'wait', as: 'quarantined' },
    ],
  ])('%s', (_, known, verdict) => expect(judge({ ...nobody, ...known }, 'A', 1000)).toEqual(verdict));
});
