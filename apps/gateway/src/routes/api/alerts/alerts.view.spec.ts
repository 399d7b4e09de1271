import { openAlert, BEGAN } from '../../../../test/alerting';
import { PastAlert, PulseAlert, StateAlert, toPastAlert, toPulseAlert, toStateAlert } from './alerts.view';

describe('an alert as Pulse shows it', () => {
  it('has what it was decided on, and leaves out what there is not', () => {
    const view = toPulseAlert(openAlert());
    expect(PulseAlert.parse(view)).toEqual(view);
    expect(view).toEqual({
      id: 'web-1-cpu',
      type: 'cpu',
      level: 'warning',
      resourceId: 'web-1',
      resourceName: 'web-1',
      resourceType: 'host',
      node: 'web-1',
      instance: 'web-1',
      message: 'CPU of web-1 is at 85 %',
      value: 85,
      threshold: 80,
      startTime: '2026-01-15T10:00:00.123Z',
      lastSeen: '2026-01-15T10:00:10.123Z',
      acknowledged: false,
      metadata: {
        resourceType: 'host',
        clearThreshold: 75,
        unit: '%',
        score: 44,
        severity: 'medium',
        why: '80 or more for 5 s',
        samples: [{ timestamp: BEGAN, value: 85 }],
        flapping: false,
        affected: [],
        affectedCount: 0,
        incidentId: 7,
      },
    });
  });

  it('has what happened since', () => {
    const view = toPastAlert(
      openAlert({
        acknowledgedAt: BEGAN,
        acknowledgedBy: 'ann',
        inhibitedBy: 'rack',
        quiet: 'quiet hours',
        lastNotifiedAt: BEGAN,
        escalatedAt: [BEGAN],
        resolvedAt: BEGAN,
        resolution: 'cleared',
      }),
    );
    expect(PastAlert.parse(view)).toEqual(view);
    expect(view).toMatchObject({
      ackTime: '2026-01-15T10:00:00.123Z',
      ackUser: 'ann',
      metadata: { inhibitedBy: 'rack', quiet: 'quiet hours' },
      lastNotified: '2026-01-15T10:00:00.123Z',
      escalationTimes: ['2026-01-15T10:00:00.123Z'],
      resolvedAt: '2026-01-15T10:00:00.123Z',
      resolution: 'cleared',
    });
  });

  it('is short in the state', () => {
    const view = toStateAlert(openAlert());
    expect(StateAlert.strict().parse(view)).toEqual(view);
  });
});
