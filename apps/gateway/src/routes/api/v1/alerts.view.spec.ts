import { defaultAlertConfig, type Alert, type AlertConfig, type Threshold } from '@lapwing/contracts';
import { openAlert } from '../../../../test/alerting';
import { AlertDetail, toAlertDetail, toAlertView, toHostDefaults, toTytoConfig } from './alerts.view';

describe('an alert as Tyto shows it', () => {
  const about = (resource: Partial<Alert['resource']>) =>
    toAlertView(openAlert({ resource: { ...openAlert().resource, ...resource } })).agent_id;

  it('is about the agent, also when it is about a part of it', () => {
    expect(about({})).toBe('web-1');
    expect(about({ id: 'web-1-disk-/var' })).toBe('web-1');
    expect(about({ id: 'web-1-disk-sda', type: 'disk' })).toBe('web-1');
    expect(about({ id: 'log:nginx:web-1', type: 'log' })).toBe('web-1');
    expect(about({ id: 'home-pve1-100', type: 'guest', instance: 'home' })).toBe('home-pve1-100');
    expect(about({ id: 'web-1', instance: '' })).toBe('web-1');
  });

  it('has the form that is described', () => {
    const view = toAlertDetail(openAlert());
    expect(AlertDetail.strict().parse(view)).toEqual(view);
  });
});

describe('thresholds as Tyto has them', () => {
  const rules = (cpu: Threshold | undefined): AlertConfig => ({
    ...defaultAlertConfig,
    hostDefaults: { ...defaultAlertConfig.hostDefaults, cpu },
  });
  const on = { trigger: 80, clear: 75, critical: 95 };
  const off = { trigger: 0, clear: 0, critical: null };

  it.each([
    [on, { warning: 80, critical: 95 }],
    [
      { ...on, critical: null },
      { warning: 80, critical: 90 },
    ],
    [
      { trigger: 95, clear: 90, critical: null },
      { warning: 95, critical: 100 },
    ],
    [off, { warning: 0, critical: 0 }],
    [undefined, { warning: 0, critical: 0 }],
  ])('of %j are %j', (threshold, expected) => expect(toTytoConfig(rules(threshold)).cpu).toEqual(expected));

  it.each([
    ['a warning that is higher', on, { warning: 90 }, { trigger: 90, clear: 75, critical: 95 }],
    ['a warning below the end', on, { warning: 75 }, { trigger: 75, clear: 70, critical: 95 }],
    ['a warning near 0', on, { warning: 3 }, { trigger: 3, clear: 0, critical: 95 }],
    ['a second level', on, { critical: 85 }, { trigger: 80, clear: 75, critical: 85 }],
    ['a second level where there was none', { ...on, critical: null }, { critical: 85 }, { ...on, critical: 85 }],
    ['a warning of 0', on, { warning: 0, critical: 90 }, off],
    ['a warning of what was off', off, { warning: 50, critical: 60 }, { trigger: 50, clear: 45, critical: 60 }],
  ])('are changed by %s', (_, before, change, expected) =>
    expect(toHostDefaults({ cpu: change }, rules(before))).toEqual({ cpu: expected }),
  );

  it('are not changed by nothing', () => expect(toHostDefaults({ cpu: {} }, rules(on))).toEqual({}));

  it.each([
    ['a warning above the second level', on, { warning: 96 }],
    ['a second level below the warning', on, { critical: 79 }],
    ['a second level of what is off', off, { critical: 79 }],
  ])('refuse %s', (_, before, change) =>
    expect(() => toHostDefaults({ cpu: change }, rules(before))).toThrow(/warning/),
  );
});
