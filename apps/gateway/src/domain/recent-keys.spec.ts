import { RecentKeys } from './recent-keys';

describe('recent keys', () => {
  it('are new once, until too many have come since', () => {
    const keys = new RecentKeys(2);
    expect(['a', 'b', 'a', 'c', 'b', 'a'].map((key) => keys.add(key))).toEqual([true, true, false, true, false, true]);
  });
});
