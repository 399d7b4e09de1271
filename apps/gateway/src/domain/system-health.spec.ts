import { services, type HealthCheck, type HealthStatus } from '@lapwing/contracts';
import { judge, type Findings, type ServiceState } from './system-health';

const well = { status: 'healthy' as const, message: 'well', details: null };
const gone = { status: 'unhealthy' as const, message: 'gone', details: null };
const workers: Record<string, string[]> = {
  fleet: ['gpu_monitor', 'presence'],
  alerting: ['evaluation', 'clock', 'deliveries', 'log rules'],
  'metrics-store': ['rollups'],
  'log-store': ['logs_maintenance'],
  updates: ['rollouts'],
};

/** A replica of a service, with checks that are not healthy. */
function replica(service: string, ill: Record<string, HealthStatus> = {}): ServiceState['answers'][number] {
  const names = ['database', ...(workers[service] ?? []), ...Object.keys(ill)];
  const checks = [...new Set(names)].map((name): HealthCheck => {
    const kind = name === 'database' ? 'dependency' : 'worker';
    return { name, kind, status: ill[name] ?? 'healthy', message: `${name} speaks` };
  });
  const status = Object.values(ill).length > 0 ? 'degraded' : 'healthy';
  return { service, status, checks };
}

/** All is well, but for what is given. */
function findings(changes: Partial<Findings> = {}, states: Record<string, Partial<ServiceState>> = {}): Findings {
  const all = [...services, 'poller'].map((service): ServiceState => {
    const answers = service === 'poller' ? [] : [replica(service)];
    return { service, answers, silent: 0, ...states[service] };
  });
  return { redis: well, nats: well, services: all, isPolling: false, ...changes };
}

const workerOf = (report: ReturnType<typeof judge>, name: string) => report.workers.find((one) => one.name === name);
const summary = (found: Findings) => {
  const { status, ready } = judge(found);
  return [status, ready];
};

describe('the health of the system', () => {
  it('is good when all is well, also without a poller where there is nothing to poll', () => {
    const report = judge(findings());
    expect([report.status, report.ready]).toEqual(['healthy', true]);
    expect(report.services).not.toHaveProperty('poller');
    expect(report.services['ai']).toEqual({
      status: 'healthy',
      message: 'Alerts are judged and told',
      details: { evaluation: 'healthy', routing: 'healthy', deliveries: 'healthy', log_rules: 'healthy' },
    });
    expect(report.workers.map(({ name, running }) => [name, running])).toEqual([
      ['gpu_monitor', true],
      ['cleanup_service', true],
      ['detection_worker', true],
      ['analysis_worker', true],
      ['log_rules', true],
      ['rollups', true],
      ['log_maintenance', true],
      ['fleet_presence', true],
      ['rollouts', true],
      ['poller', false],
    ]);
    expect(workerOf(report, 'poller')?.message).toBe('there is nothing to poll');
    expect(workerOf(report, 'rollups')?.message).toBeNull();
  });

  it.each<[string, Partial<Findings>]>([
    ['Redis', { redis: gone }],
    ['NATS', { nats: gone }],
  ])('is lost without %s', (_, changes) => expect(summary(findings(changes))).toEqual(['unhealthy', false]));

  it('is lost when one who knows the database says so, or nobody is there to ask', () => {
    const ill = [replica('auth', { database: 'unhealthy' })];
    expect(summary(findings({}, { auth: { answers: ill } }))).toEqual(['unhealthy', false]);
    const nobody = Object.fromEntries(services.map((service) => [service, { answers: [] }]));
    expect(summary(findings({}, nobody))).toEqual(['unhealthy', false]);
  });

  it('is degraded and ready while other replicas of the same service have the database', () => {
    const answers = [replica('auth'), replica('auth', { database: 'unhealthy' })];
    const report = judge(findings({}, { auth: { answers } }));
    expect([report.status, report.ready]).toEqual(['degraded', true]);
    expect(report.services['database']).toMatchObject({ status: 'degraded', message: 'database speaks' });
  });

  it.each(services)('does not look at a replica of %s that has never been ready, beside one that is', (service) => {
    const ill = Object.fromEntries(
      ['database', ...(workers[service] ?? [])].map((name) => [name, 'unhealthy' as const]),
    );
    const newcomer = { ...replica(service, ill), isStarting: true };
    expect(summary(findings({}, { [service]: { answers: [newcomer, replica(service)] } }))).toEqual(['healthy', true]);
    expect(summary(findings({}, { [service]: { answers: [newcomer] } }))).toEqual(['unhealthy', false]);
  });

  it.each([...services].filter((service) => service !== 'alerting'))('is degraded and ready without %s', (service) => {
    const found = findings({}, { [service]: { answers: [], silent: 1 } });
    expect(summary(found)).toEqual(['degraded', true]);
    expect(judge(found).services[service]).toMatchObject({ status: 'unhealthy' });
  });

  it('is degraded and not ready without whoever judges alerts', () => {
    const report = judge(findings({}, { alerting: { answers: [], silent: 1 } }));
    expect([report.status, report.ready]).toEqual(['degraded', false]);
    expect(report.services['ai']).toMatchObject({ status: 'unhealthy' });
    expect(workerOf(report, 'detection_worker')).toEqual({
      name: 'detection_worker',
      running: false,
      message: 'alerting does not answer',
    });
  });

  it.each([
    ['evaluation', 'detection_worker'],
    ['clock', 'analysis_worker'],
  ])('is not ready when the %s of one replica hangs beside one that is well', (check, name) => {
    const answers = [replica('alerting'), replica('alerting', { [check]: 'unhealthy' })];
    const report = judge(findings({}, { alerting: { answers } }));
    expect([report.status, report.ready]).toEqual(['degraded', false]);
    expect(workerOf(report, name)).toMatchObject({ running: false, message: `${check} speaks` });
  });

  it('is degraded when a replica is silent beside one that does its work, and says so', () => {
    const report = judge(findings({}, { alerting: { silent: 1 } }));
    expect([report.status, report.ready]).toEqual(['degraded', true]);
    const message = '1 of 2 replicas of alerting does not answer';
    expect(report.services['alerting']).toMatchObject({ status: 'degraded', message });
    expect(workerOf(report, 'detection_worker')).toMatchObject({ running: true, message });
  });

  it('is degraded and ready when a worker has a fault and goes on', () => {
    const answers = [replica('alerting', { evaluation: 'degraded' })];
    const report = judge(findings({}, { alerting: { answers } }));
    expect([report.status, report.ready]).toEqual(['degraded', true]);
    expect(workerOf(report, 'detection_worker')).toMatchObject({ running: true, message: 'evaluation speaks' });
    expect(report.services['ai']).toMatchObject({ status: 'degraded', details: { evaluation: 'degraded' } });
  });

  it('misses a poller where there is something to poll', () => {
    const report = judge(findings({ isPolling: true }));
    expect([report.status, report.ready]).toEqual(['degraded', true]);
    expect(report.services['poller']).toMatchObject({ status: 'unhealthy' });
  });

  it('looks for the cleanup where it is, and not elsewhere while that place is silent', () => {
    const cleaning = [replica('settings', { cleanup_service: 'unhealthy' })];
    expect(workerOf(judge(findings({}, { settings: { answers: cleaning } })), 'cleanup_service')).toMatchObject({
      running: false,
      message: 'cleanup_service speaks',
    });
    expect(workerOf(judge(findings({}, { settings: { answers: [] } })), 'cleanup_service')).toMatchObject({
      running: false,
      message: 'settings does not answer',
    });
  });
});
