import { Replicas } from './replicas';

const one = { instance: 'one', startedAt: 1000 };
const two = { instance: 'two', startedAt: 2000 };
const MINUTE = 60_000;

describe('the replicas of a service', () => {
  it('miss one that answered and does not any more', () => {
    const replicas = new Replicas();
    replicas.answered([one, two], 3000);
    expect([replicas.silent([one]), replicas.areAllOf([one]), replicas.areAllOf([two, one])]).toEqual([1, false, true]);
  });

  it('do not miss one that said that it stops, whatever of it is still on its way', () => {
    const replicas = new Replicas();
    replicas.answered([one, two], 3000);
    replicas.stopped('two', 3500);
    replicas.answered([one, two], 3600);
    expect(replicas.silent([one])).toBe(0);
  });

  it('take one that began after another fell silent for that one, and one that began before for one more', () => {
    const replicas = new Replicas();
    replicas.answered([one, two], 3000);
    const after = { instance: 'three', startedAt: 4000 };
    replicas.answered([one, after], 5000);
    expect(replicas.silent([one, after])).toBe(0);
    const before = { instance: 'four', startedAt: 4500 };
    replicas.answered([one, before], 6000);
    expect(replicas.silent([one, before])).toBe(1);
  });

  it('give one up after ten minutes', () => {
    const replicas = new Replicas();
    replicas.answered([one, two], 3000);
    replicas.answered([one], 3000 + 9 * MINUTE);
    expect(replicas.silent([one])).toBe(1);
    replicas.answered([one], 3000 + 10 * MINUTE);
    expect(replicas.silent([one])).toBe(0);
  });

  it('are not known to be all while nobody answers, and know nobody without a name', () => {
    const replicas = new Replicas();
    expect(replicas.areAllOf([])).toBe(false);
    replicas.answered([{}], 1000);
    expect([replicas.silent([]), replicas.areAllOf([{}])]).toEqual([0, true]);
  });
});
