import { AttemptStep } from '@lapwing/contracts';
import { progressOf } from './attempt';

describe('how far an attempt is', () => {
  it.each(['update', 'rollback', 'download'] as const)('never goes back over the steps of a %s', (action) => {
    const steps =
      action === 'download' ? (['checking', 'downloading', 'verifying', 'done'] as const) : AttemptStep.options;
    const all = steps.flatMap((step) => [0, 0.5, 1].map((share) => progressOf(action, step, share)));
    expect(all).toEqual(all.toSorted((one, other) => one - other));
    expect([all[0], all.at(-1)]).toEqual([0, 100]);
  });

  it('stays within a step, whatever it is told', () => {
    expect([progressOf('update', 'downloading', -1), progressOf('update', 'downloading', 7)]).toEqual([2, 50]);
  });
});
