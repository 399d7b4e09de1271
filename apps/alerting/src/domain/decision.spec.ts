import { configOf, resourceOf, T0 } from '../../test/estate-fixtures';
import { decide, type Circumstances, type Decision, type Tellable } from './decision';
import type { MaintenanceWindow } from './quiet/maintenance';
import { noteTold, nothingTold } from './quiet/rate';
import type { Silence } from './quiet/silence';

const MIN = 60_000;
/** A Tuesday, 12:00 UTC. */
const NOON = Date.UTC(2026, 0, 6, 12);
const one = (given: Partial<Tellable> = {}): Tellable => ({
  kind: 'firing',
  alertId: 'vm-cpu',
  level: 'warning',
  signal: 'cpu',
  resource: resourceOf({ id: 'vm', type: 'guest', parents: ['node', 'home'] }),
  upgraded: false,
  acknowledged: false,
  isResolved: false,
  wasInhibited: false,
  isFromQuietHours: false,
  flaps: { changes: [], mutedUntil: null },
  told: nothingTold,
  ...given,
});
/** Somebody cannot be reached. */
const offline = (more: Partial<Tellable> = {}): Tellable =>
  one({ alertId: 'vm-powered-off', signal: 'powered-off', ...more });
const given = (patch: Record<string, unknown> = {}, rest: Partial<Circumstances> = {}): Circumstances => ({
  config: configOf(patch),
  silences: [],
  windows: [],
  away: new Map(),
  ...rest,
});
const silence = (more: Partial<Silence> = {}): Silence => ({
  id: 's',
  matchers: [{ name: 'resourceId', op: '=', value: 'vm' }],
  startsAt: NOON - MIN,
  endsAt: NOON + MIN,
  createdBy: 'ann',
  comment: '',
  createdAt: NOON,
  ...more,
});
const nightly: MaintenanceWindow = {
  id: 'm',
  name: 'patch day',
  enabled: true,
  matchers: [{ name: 'type', op: '=', value: 'cpu' }],
  timezone: 'UTC',
  schedule: { kind: 'weekly', days: ['tuesday'], start: '11:30', durationMinutes: 60 },
};
const quiet = (more: Record<string, unknown> = {}) => ({
  schedule: { quietHours: { enabled: true, start: '11:00', end: '13:00', ...more } },
});
const ended = NOON + 60 * MIN;
const told = (minutesAgo: number[]) =>
  minutesAgo.reduce(
    (state, minutes) => noteTold(state, NOON - minutes * MIN, { cooldownMinutes: 5, maxPerHour: 10 }),
    nothingTold,
  );

describe('what could be told', () => {
  const held = (until: number, why: string) => ({ do: 'hold', until, why });
  const quietUntil = { do: 'hold', until: ended, why: 'quiet hours', isQuietHours: true };
  it.each<[string, Tellable, Circumstances, Decision | object]>([
    ['is told', one(), given(), { do: 'tell' }],
    [
      'is dropped when all is switched off',
      one(),
      given({ enabled: false }),
      { do: 'drop', why: 'alerts are switched off' },
    ],
    [
      'is dropped when all is switched off, an escalation as well',
      one({ kind: 'escalation' }),
      given({ enabled: false }),
      { do: 'drop', why: 'alerts are switched off' },
    ],
    [
      'is told when it is over, though all is switched off',
      one({ kind: 'resolved', isResolved: true }),
      given({ enabled: false }),
      { do: 'tell' },
    ],
    [
      'is dropped when it is over',
      one({ isResolved: true }),
      given(),
      { do: 'drop', why: 'it was over before anybody was told' },
    ],
    [
      'is summed up after quiet hours though it is over',
      one({ isResolved: true, isFromQuietHours: true }),
      given(),
      { do: 'tell' },
    ],
    [
      'is dropped when it is acknowledged',
      one({ acknowledged: true }),
      given(),
      { do: 'drop', why: 'it is acknowledged' },
    ],
    [
      'is dropped when it is acknowledged, an escalation too',
      one({ acknowledged: true, kind: 'escalation' }),
      given(),
      { do: 'drop', why: 'it is acknowledged' },
    ],
    [
      'is told when it is over, acknowledged or not',
      one({ kind: 'resolved', acknowledged: true, isResolved: true }),
      given(),
      { do: 'tell' },
    ],

    ['waits for a silence', one(), given({}, { silences: [silence()] }), held(NOON + MIN, 'silenced by ann')],
    [
      'waits for a silence, with its comment',
      one(),
      given({}, { silences: [silence({ comment: 'disk swap' })] }),
      held(NOON + MIN, 'silenced by ann: disk swap'),
    ],
    [
      'waits for the longest silence',
      one(),
      given({}, { silences: [silence(), silence({ endsAt: NOON + 9 * MIN })] }),
      held(NOON + 9 * MIN, 'silenced by ann'),
    ],
    [
      'waits for no silence of another',
      one({ resource: resourceOf() }),
      given({}, { silences: [silence()] }),
      { do: 'tell' },
    ],
    ['waits for no silence that is over', one(), given({}, { silences: [silence({ endsAt: NOON })] }), { do: 'tell' }],
    [
      'is told when it is over, silence or not',
      one({ kind: 'resolved' }),
      given({}, { silences: [silence()] }),
      { do: 'tell' },
    ],
    [
      'waits for maintenance',
      one(),
      given({}, { windows: [nightly] }),
      held(NOON + 30 * MIN, 'maintenance: patch day'),
    ],
    [
      'waits for no maintenance that is switched off',
      one(),
      given({}, { windows: [{ ...nightly, enabled: false }] }),
      { do: 'tell' },
    ],

    [
      'waits while what it stands on is away',
      offline(),
      given({}, { away: new Map([['node', 'node-connectivity']]) }),
      { ...held(NOON + 10_000, 'node is away'), inhibitedBy: 'node-connectivity' },
    ],
    [
      'waits for the nearest',
      offline(),
      given(
        {},
        {
          away: new Map([
            ['home', 'h'],
            ['node', 'n'],
          ]),
        },
      ),
      { ...held(NOON + 10_000, 'node is away'), inhibitedBy: 'n' },
    ],
    [
      'does not wait for what stands beside it',
      offline(),
      given(
        {},
        {
          away: new Map([
            ['other', 'o'],
            ['vm', 'v'],
          ]),
        },
      ),
      { do: 'tell' },
    ],
    [
      'waits a little when that is back',
      offline({ wasInhibited: true }),
      given(),
      held(NOON + 2 * MIN, 'what it stands on has just come back'),
    ],
    ['is told when it is over, then, too', offline({ wasInhibited: true, kind: 'resolved' }), given(), { do: 'tell' }],
    [
      'does not wait for itself',
      offline({ alertId: 'n' }),
      given({}, { away: new Map([['node', 'n']]) }),
      { do: 'tell' },
    ],
    ...(['connectivity', 'powered-off', 'container-state'] as const).map(
      (signal): [string, Tellable, Circumstances, Decision | object] => [
        `waits with what it stands on, being ${signal}`,
        offline({ signal }),
        given({}, { away: new Map([['home', 'h']]) }),
        { ...held(NOON + 10_000, 'home is away'), inhibitedBy: 'h' },
      ],
    ),
    ...(['cpu', 'usage', 'zfs-state', 'backup-age', 'oom', 'of-old'] as const).map(
      (signal): [string, Tellable, Circumstances, Decision | object] => [
        `is told though what it stands on is away, as ${signal} proves that it is there`,
        one({ signal, wasInhibited: true }),
        given({}, { away: new Map([['node', 'n']]) }),
        { do: 'tell' },
      ],
    ),

    [
      'waits while it flaps',
      one({ flaps: { changes: [], mutedUntil: NOON + 1 } }),
      given(),
      held(NOON + 1, 'it comes and goes too often'),
    ],
    ['no longer waits then', one({ flaps: { changes: [], mutedUntil: NOON } }), given(), { do: 'tell' }],

    ['waits for quiet hours', one(), given(quiet()), quietUntil],
    ['waits for quiet hours, its end, too', one({ kind: 'resolved' }), given(quiet()), quietUntil],
    ['waits for quiet hours, an escalation, too', one({ kind: 'escalation' }), given(quiet()), quietUntil],
    ['passes quiet hours when it is critical', one({ level: 'critical' }), given(quiet()), { do: 'tell' }],
    [
      'waits when critical ones may not pass',
      one({ level: 'critical' }),
      given(quiet({ allowCritical: false })),
      quietUntil,
    ],
    [
      'waits when its kind may not pass',
      one({ level: 'critical' }),
      given(quiet({ suppress: { performance: true } })),
      quietUntil,
    ],
    [
      'passes when another kind may not',
      one({ level: 'critical' }),
      given(quiet({ suppress: { storage: true, offline: true } })),
      { do: 'tell' },
    ],
    [
      'of storage',
      one({ level: 'critical', signal: 'zfs-state' }),
      given(quiet({ suppress: { storage: true } })),
      quietUntil,
    ],
    [
      'of what is away',
      one({ level: 'critical', signal: 'connectivity' }),
      given(quiet({ suppress: { offline: true } })),
      quietUntil,
    ],
    [
      'that nobody knows is of performance',
      one({ level: 'critical', signal: 'of-old' }),
      given(quiet({ suppress: { performance: true } })),
      quietUntil,
    ],
    ['does not wait on a day without', one(), given(quiet({ days: { tuesday: false } })), { do: 'tell' }],
    [
      'waits on after midnight, by the day it began',
      one(),
      given(quiet({ start: '22:00', end: '12:30', days: { tuesday: false } })),
      { ...quietUntil, until: NOON + 30 * MIN },
    ],

    ['waits for the cooldown', one({ told: told([3]) }), given(), held(NOON + 2 * MIN, 'cooldown')],
    ['waits no longer then', one({ told: told([5]) }), given(), { do: 'tell' }],
    ['does not wait when it has become critical', one({ told: told([3]), upgraded: true }), given(), { do: 'tell' }],
    [
      'waits for the cap',
      one({ told: told([50, 40, 30]) }),
      given({ schedule: { maxAlertsHour: 3 } }),
      held(NOON + 10 * MIN, 'hourly cap'),
    ],
    [
      'waits for the cap though it has become critical',
      one({ told: told([50, 40, 30]), upgraded: true }),
      given({ schedule: { maxAlertsHour: 3 } }),
      held(NOON + 10 * MIN, 'hourly cap'),
    ],
    [
      'waits for neither where both are 0',
      one({ told: told([2, 1, 0]) }),
      given({ schedule: { maxAlertsHour: 0, cooldown: 0 } }),
      { do: 'tell' },
    ],
    [
      'is escalated whatever was told',
      one({ kind: 'escalation', told: told([1]) }),
      given({ schedule: { maxAlertsHour: 1 } }),
      { do: 'tell' },
    ],
    ['is told when it is over, whatever was told', one({ kind: 'resolved', told: told([1]) }), given(), { do: 'tell' }],
  ])('%s', (_name, tellable, circumstances, expected) =>
    expect(decide(tellable, circumstances, NOON)).toEqual(expected),
  );

  it('says the first of many reasons', () => {
    const all = given(quiet(), {
      silences: [silence()],
      windows: [{ ...nightly, matchers: [{ name: 'resourceId', op: '=', value: 'vm' }] }],
      away: new Map([['node', 'n']]),
    });
    const many = offline({ flaps: { changes: [], mutedUntil: NOON + 1 }, told: told([1]) });
    expect(decide(many, all, NOON)).toMatchObject({ why: 'silenced by ann' });
    expect(decide(many, { ...all, silences: [] }, NOON)).toMatchObject({ why: 'maintenance: patch day' });
    expect(decide(many, { ...all, silences: [], windows: [] }, NOON)).toMatchObject({ why: 'node is away' });
    expect(decide(many, given(quiet()), NOON)).toMatchObject({ why: 'it comes and goes too often' });
  });
  it('is decided by the time it is given, not by a clock', () =>
    expect(decide(one({ told: told([1]) }), given(), T0)).toEqual({ do: 'tell' }));
});
