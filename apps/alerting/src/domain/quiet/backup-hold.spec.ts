import { backupHold, heldSignals, usualDuration } from './backup-hold';

const MINUTE = 60_000;

describe('a backup holds signals', () => {
  it.each<[string, number | null, number, number | null, number, number | null]>([
    // Started at minute, asked at minute, usually takes minutes, cap in minutes, held until minute.
    ['not when none runs', null, 0, 30, 240, null],
    ['for twice its usual duration', 0, 10, 30, 240, 60],
    ['until just before that', 0, 59, 30, 240, 60],
    ['no longer', 0, 60, 30, 240, null],
    ['for ten minutes at least', 0, 1, 1, 240, 10],
    ['up to the cap', 0, 10, 500, 240, 240],
    ['up to a cap below ten minutes', 0, 1, 1, 5, 5],
    ['up to the cap when nobody knows how long it takes', 0, 10, null, 240, 240],
    ['not beyond the cap', 0, 240, null, 240, null],
    ['not with a cap of nothing', 0, 0, 30, 0, null],
    ['when the clock of its node is a little ahead', 2, 0, 30, 240, 62],
    ['not when it starts in an hour', 60, 0, 30, 240, null],
  ])('%s', (_, started, asked, usual, capMinutes, expected) => {
    const running = started === null ? null : { startedAt: started * MINUTE };
    const usualSeconds = usual === null ? null : usual * 60;
    const until = backupHold({ running, at: asked * MINUTE, usualSeconds, capMinutes });
    expect(until).toBe(expected === null ? null : expected * MINUTE);
  });
  it.each(['cpu', 'memory', 'diskRead', 'diskWrite', 'networkIn', 'networkOut', 'powered-off'])(
    'such as %s',
    (signal) => expect(heldSignals.has(signal)).toBe(true),
  );
  it.each(['usage', 'disk', 'connectivity', 'backup', ''])('but not %j', (signal) =>
    expect(heldSignals.has(signal)).toBe(false),
  );
});

describe('the usual duration', () => {
  it.each<[number[], number | null]>([
    [[], null],
    [[7], 7],
    [[1, 3], 2],
    [[100, 1, 3], 3],
    [[10, 9, 100_000], 10],
    [[999, 999, 999, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 5.5],
  ])('of %j is %s', (durations, expected) => expect(usualDuration(durations)).toBe(expected));
});
