import { argumentsOf } from './journalctl';
import { isAfter } from './parse';

describe('what journalctl is asked for', () => {
  const position = { cursor: 's=a;i=1', time: 1_795_294_800_000_001 };

  it('is everything from an entry on, which a follower would else cut to its last ten', () => {
    expect(argumentsOf({ from: 'cursor', position, follow: true })).toEqual(
      expect.arrayContaining(['--follow', '--no-tail', '--cursor=s=a;i=1', '--all', '--output=json']),
    );
    const once = argumentsOf({ from: 'cursor', position, follow: false });
    expect(once.filter((argument) => /follow|tail|lines/.test(argument))).toEqual([]);
  });

  it('is what comes from now on, or from an instant on', () => {
    expect(argumentsOf({ from: 'now', follow: true })).toEqual(expect.arrayContaining(['--follow', '--lines=0']));
    expect(argumentsOf({ from: 'time', position, follow: false })).toContain('--since=@1795294800.000001');
  });
});

describe('an entry of the journal', () => {
  const entry = (s: string, i: number, time: number): { cursor: string; time: number } => ({
    cursor: `s=${s};i=${i.toString(16)};b=b;m=1;t=1;x=1`,
    time,
  });

  it('comes after another by their numbers, whatever the clock said', () => {
    expect(isAfter(entry('a', 17, 5), entry('a', 16, 9))).toBe(true);
    expect(isAfter(entry('a', 16, 9), entry('a', 16, 5))).toBe(false);
    expect(isAfter(entry('a', 15, 9), entry('a', 16, 5))).toBe(false);
  });

  it('comes after one of another count by its time', () => {
    expect(isAfter(entry('b', 1, 9), entry('a', 16, 5))).toBe(true);
    expect(isAfter(entry('b', 99, 5), entry('a', 16, 5))).toBe(false);
    expect(isAfter(entry('b', 99, 6), { cursor: 'none', time: 5 })).toBe(true);
  });
});
