import { defaultAlertConfig } from '@lapwing/contracts';
import { toConfigView, toPatch } from './config.view';

describe('the rules as Pulse shows them', () => {
  const view = toConfigView({
    ...defaultAlertConfig,
    overrides: {
      'web-1': { cpu: { trigger: 0, clear: 0, critical: null }, disk: { trigger: 90, clear: 85, critical: 95 } },
    },
  });

  it('show thresholds in the short form, wherever they stand', () => {
    expect(view.guestDefaults).toMatchObject({ cpu: { trigger: 80, clear: 75 }, diskRead: { trigger: 0, clear: 0 } });
    expect(view.guestDefaults['cpu']).not.toHaveProperty('critical');
    expect(view.hostDefaults['cpu']).toEqual({ trigger: 80, clear: 75, critical: 95 });
    expect(view.storageDefault).toEqual({ trigger: 85, clear: 80 });
    expect(view.overrides).toEqual({
      'web-1': { cpu: { trigger: 0, clear: 0 }, disk: { trigger: 90, clear: 85, critical: 95 } },
    });
  });

  it('have their older names beside them', () => {
    expect(view.pmgDefaults).toEqual(view.pmgThresholds);
    expect(view.schedule.grouping).toEqual({ enabled: true, window: 30, byNode: true, byGuest: false });
  });

  const back = (changes: object) => toPatch({ ...view, ...changes }, defaultAlertConfig);

  it('change nothing when they come back as they were shown', () => {
    const { pmgThresholds, aggregation, schedule } = defaultAlertConfig;
    const patch = back({ status: { active: 1 } });
    expect(patch).toMatchObject({ pmgThresholds, aggregation, schedule });
    expect(patch).not.toHaveProperty('pmgDefaults');
    expect(patch).not.toHaveProperty('status');
    expect(patch).not.toHaveProperty('schedule.grouping');
  });

  it.each([
    [
      'the older name',
      { pmgDefaults: { holdQueueWarn: 1 } },
      { pmgThresholds: { holdQueueWarn: 1, holdQueueCritical: 300 } },
    ],
    ['the name of today', { pmgThresholds: { holdQueueWarn: 2 } }, { pmgThresholds: { holdQueueWarn: 2 } }],
    [
      'both',
      { pmgThresholds: { holdQueueWarn: 2 }, pmgDefaults: { holdQueueWarn: 1, holdQueueCritical: 9 } },
      { pmgThresholds: { holdQueueWarn: 2, holdQueueCritical: 9 } },
    ],
    ['grouping', { schedule: { grouping: { window: 60 } } }, { aggregation: { windowSeconds: 60, byNode: true } }],
    ['aggregation', { aggregation: { windowSeconds: 90 } }, { aggregation: { windowSeconds: 90 } }],
    ['what is no object', { pmgThresholds: undefined, pmgDefaults: 'x' }, { pmgThresholds: 'x' }],
    ['an override that goes', { overrides: { a: null, b: { cpu: -1 } } }, { overrides: { b: { cpu: -1 } } }],
    ['what nobody knows', { customRules: [] }, { customRules: [] }],
  ])('take changes by %s', (_, changes, expected) => expect(back(changes)).toMatchObject(expected));

  it('take what is given alone', () => {
    expect(toPatch({ pmgDefaults: { holdQueueWarn: 1 } }, defaultAlertConfig)).toEqual({
      pmgThresholds: { holdQueueWarn: 1 },
    });
    expect(toPatch({ schedule: { grouping: { byGuest: true } } }, defaultAlertConfig)).toEqual({
      schedule: {},
      aggregation: { byGuest: true },
    });
    expect(toPatch({}, defaultAlertConfig)).toEqual({});
    expect(toPatch({ schedule: null, overrides: 5, pmgDefaults: null }, defaultAlertConfig)).toEqual({
      schedule: null,
      overrides: 5,
    });
  });
});
