import { backlogOf } from './log-backlog';

const known = (key: string, time: number) => ({ key, time });

describe('older lines for somebody who begins to follow', () => {
  it('are those that are stored and those that are not yet, each once, the oldest first', () => {
    const stored = [known('c', 3), known('b', 2), known('a', 2)];
    const fresh = [known('b', 2), known('e', 3), known('d', 2), known('f', 4)];
    const keys = (limit: number) => backlogOf(stored, fresh, limit).map(({ key }) => key);
    expect(keys(100)).toEqual(['a', 'b', 'd', 'c', 'e', 'f']);
    expect(keys(3)).toEqual(['c', 'e', 'f']);
    expect(keys(1)).toEqual(['f']);
    expect(backlogOf([], [], 5)).toEqual([]);
  });
});
