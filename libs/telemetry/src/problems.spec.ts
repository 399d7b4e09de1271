import { noteProblem, recentProblems } from './problems';

const who = (service: string) => ({ service, component: 'job' });

describe('the problems that were logged', () => {
  it('are kept with their message and the kind of error, and with nothing beside', () => {
    const error = { type: 'TypeError', message: 'hunter2', stack: 'hunter2', code: 'hunter2' };
    noteProblem(who('one'), 'error', [{ error, url: 'https://hunter2' }, 'it failed'], 1000);
    const problem = { level: 'error', service: 'one', component: 'job', message: 'it failed', error: 'TypeError' };
    expect(recentProblems('one', 10)).toEqual([{ ...problem, time: 1000, count: 1 }]);
    expect(recentProblems('other', 10)).toEqual([]);
  });

  it.each([
    [{ error: { type: 'Error', code: 'ECONNREFUSED' } }, 'ECONNREFUSED'],
    [{ err: new RangeError('x') }, 'RangeError'],
    [{ error: { type: 'hunter2' } }, null],
    [{ error: 'hunter2' }, null],
    [{ reason: 'x' }, null],
    [null, null],
  ])('tell of %j the kind %s', (fields, error) => {
    noteProblem(who('kinds'), 'warn', [fields, 'a message'], 1000);
    expect(recentProblems('kinds', 1)).toMatchObject([{ error }]);
  });

  it('count the same one again, the newest first', () => {
    for (const [at, message] of ['a', 'b', 'a'].entries()) noteProblem(who('counts'), 'warn', [message], at);
    expect(recentProblems('counts', 10)).toMatchObject([
      { message: 'a', count: 2, time: 2 },
      { message: 'b', count: 1, time: 1 },
    ]);
  });

  it('are bounded, in number and in length', () => {
    for (let at = 0; at < 300; at++) noteProblem(who('many'), 'warn', [`${at} ${'x'.repeat(500)}`], at);
    const kept = recentProblems('many', 1000);
    expect([kept.length, kept[0]?.message.length, kept[0]?.time]).toEqual([200, 200, 299]);
    expect(recentProblems('many', 5)).toHaveLength(5);
  });

  it('are none where nothing is said', () => {
    noteProblem(who('silent'), 'warn', [{ error: new Error('x') }], 1);
    expect(recentProblems('silent', 10)).toEqual([]);
  });
});
