import { foldRanges } from '../src/delivery';

describe('ranges', () => {
  it.each([
    [[], []],
    [[5], [[5, 5]]],
    [
      [5, 3, 4, 9, 4],
      [
        [3, 5],
        [9, 9],
      ],
    ],
  ])('%j folds to %j', (seqs, ranges) => {
    expect(foldRanges(seqs)).toEqual(ranges);
  });
});
