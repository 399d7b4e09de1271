import { AlertConfig, type AlertLevel } from '@lapwing/contracts';
import { mergeConfig } from './merge-config';
import { ReplayedMessages } from './replay-messages';
import { replayedResource, type ReplayedAlert, type ReplayedChange } from './replay';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Tuesday, 14 November 2023, noon. */
const NOON = Date.UTC(2023, 10, 14, 12);

const plain = {
  aggregation: { enabled: false },
  flapping: { enabled: false },
  schedule: { cooldown: 0, maxAlertsHour: 0 },
};

/** What happens to one alert: seconds after noon, and what. */
type Happening = [at: number, kind: 'fired' | 'level' | 'resolved', level?: AlertLevel];

function changesOf(agentId: string, happenings: Happening[]): ReplayedChange[] {
  let alert: ReplayedAlert | undefined;
  return happenings.map(([after, kind, level = 'warning']) => {
    const at = NOON + after * SECOND;
    if (kind === 'fired' || !alert) {
      const resource = replayedResource(agentId, 'cpu');
      const times = { startedAt: at, firedAt: at, resolvedAt: null };
      alert = { id: `${agentId}-cpu`, resource, signal: 'cpu', level, ...times, peak: 90, quiet: '' };
    }
    return { kind, at, level, alert };
  });
}

function tell(patch: Record<string, unknown>, until: number, hosts: Record<string, Happening[]>) {
  const merged = mergeConfig(AlertConfig.parse(plain), patch);
  if ('faults' in merged) throw new Error(JSON.stringify(merged.faults));
  const messages = new ReplayedMessages(merged.config);
  const changes = Object.entries(hosts).flatMap(([agentId, happenings]) => changesOf(agentId, happenings));
  const drain = (work: Generator<void>) => [...work];
  for (const change of changes.toSorted((a, b) => a.at - b.at)) drain(messages.take(change));
  drain(messages.finish(NOON + until * SECOND));
  const alerts = new Set(changes.map(({ alert }) => alert));
  return {
    messages: messages.messages,
    recovery: messages.recoveryMessages,
    quiet: [...alerts].map(({ quiet }) => quiet),
  };
}

const quietHours = (more: Record<string, unknown> = {}) => ({
  schedule: { quietHours: { enabled: true, start: '11:00', end: '13:00', timezone: 'UTC', ...more } },
});

describe('the messages of a replay', () => {
  it.each<[string, Record<string, unknown>, Happening[], ReturnType<typeof tell>]>([
    [
      'one that fires and ends',
      {},
      [
        [0, 'fired'],
        [60, 'resolved'],
      ],
      { messages: 2, recovery: 1, quiet: [''] },
    ],
    [
      'nobody wants to know that it ended',
      { schedule: { notifyOnResolve: false } },
      [
        [0, 'fired'],
        [60, 'resolved'],
      ],
      { messages: 1, recovery: 0, quiet: [''] },
    ],
    [
      'over within the window',
      { aggregation: { enabled: true, windowSeconds: 30 } },
      [
        [0, 'fired'],
        [29, 'resolved'],
      ],
      { messages: 0, recovery: 0, quiet: ['it was over before anybody was told'] },
    ],
    [
      'critical is told again, a warning is not',
      {},
      [
        [0, 'fired'],
        [60, 'level', 'critical'],
        [120, 'level'],
        [180, 'level', 'critical'],
      ],
      { messages: 3, recovery: 0, quiet: [''] },
    ],
    [
      'within the cooldown',
      { schedule: { cooldown: 5 } },
      [
        [0, 'fired'],
        [60, 'resolved'],
        [120, 'fired'],
        [180, 'resolved'],
      ],
      { messages: 2, recovery: 1, quiet: ['', 'cooldown'] },
    ],
    [
      'after the cooldown, where it lasts so long',
      { schedule: { cooldown: 5 } },
      [
        [0, 'fired'],
        [60, 'resolved'],
        [120, 'fired'],
        [400, 'resolved'],
      ],
      { messages: 4, recovery: 2, quiet: ['', ''] },
    ],
    [
      'an hourly cap of two',
      { schedule: { maxAlertsHour: 2 } },
      [
        [0, 'fired'],
        [60, 'resolved'],
        [120, 'fired'],
        [180, 'resolved'],
        [240, 'fired'],
        [300, 'resolved'],
      ],
      { messages: 4, recovery: 2, quiet: ['', '', 'hourly cap'] },
    ],
    [
      'it comes and goes too often',
      { flapping: { enabled: true, threshold: 3, windowSeconds: 600, cooldownMinutes: 30 } },
      [
        [0, 'fired'],
        [60, 'resolved'],
        [120, 'fired'],
        [180, 'resolved'],
      ],
      { messages: 2, recovery: 1, quiet: ['', 'it comes and goes too often'] },
    ],
    [
      'held by quiet hours, and summed up after them though it is over',
      quietHours(),
      [
        [0, 'fired'],
        [60, 'resolved'],
      ],
      { messages: 1, recovery: 0, quiet: [''] },
    ],
    [
      'critical passes quiet hours',
      quietHours(),
      [[0, 'fired', 'critical']],
      { messages: 1, recovery: 0, quiet: [''] },
    ],
    [
      'critical is held where its kind is',
      quietHours({ end: '12:00', start: '11:59', suppress: { performance: true } }),
      [[-30, 'fired', 'critical']],
      { messages: 1, recovery: 0, quiet: [''] },
    ],
  ])('%s', (_, patch, happenings, expected) =>
    expect(tell(patch, 2 * (HOUR / SECOND), { 'web-1': happenings })).toEqual(expected),
  );

  it('are none after the end', () =>
    expect(tell(quietHours(), 3599, { 'web-1': [[0, 'fired']] })).toEqual({
      messages: 0,
      recovery: 0,
      quiet: ['quiet hours'],
    }));

  it('sum up what quiet hours held of all hosts', () => {
    const hosts = Object.fromEntries(
      Array.from({ length: 200 }, (_, index): [string, Happening[]] => [`web-${index}`, [[index, 'fired']]]),
    );
    expect(tell(quietHours(), 3600, hosts)).toMatchObject({ messages: 1, recovery: 0 });
  });

  it('tell of a group at once', () => {
    const all = { aggregation: { enabled: true, windowSeconds: 30, byNode: false, byGuest: false } };
    const hosts: Record<string, Happening[]> = {
      'web-1': [
        [0, 'fired'],
        [100, 'resolved'],
      ],
      'web-2': [
        [29, 'fired'],
        [110, 'resolved'],
      ],
      'web-3': [
        [31, 'fired'],
        [200, 'resolved'],
      ],
    };
    // web-2 goes with web-1; web-3 comes a window later; likewise they end.
    expect(tell(all, 300, hosts)).toEqual({ messages: 4, recovery: 2, quiet: ['', '', ''] });
    const apart = { aggregation: { enabled: true, windowSeconds: 30, byNode: true, byGuest: false } };
    expect(tell(apart, 300, hosts)).toMatchObject({ messages: 6, recovery: 3 });
  });
});
