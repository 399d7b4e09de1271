import {
  LapwingError,
  settingsChanged,
  settingsGet,
  settingsUpdate,
  type ConfigurationPart,
  type SystemSettings,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { Settings } from './imports-harness';

const nodes: ConfigurationPart[] = [
  { section: 'nodes', entries: [{ id: 'pve-1', password: 'secret of a node' }] },
  { section: 'guestMetadata', entries: [{ id: 'pve1:100' }, { id: 'pve1:101' }] },
];
const rules: ConfigurationPart[] = [{ section: 'alerts', entries: [{ enabled: true }] }];
const away = new LapwingError('UNAVAILABLE', 'the database is not ready yet');

describe('exports and imports of the configuration', () => {
  let settings: Settings;
  let file: string;

  const interval = async (): Promise<number> => (await settings.bus.request(settingsGet, {})).refreshInterval;
  const set = (refreshInterval: number) => settings.bus.request(settingsUpdate, { refreshInterval });
  /** Whatever there was at the export is changed since. */
  const expectUnchanged = async (): Promise<void> => {
    expect(await interval()).toBe(60);
    expect([settings.owners.fleet.parts, settings.owners.alerting.parts]).toEqual([[], []]);
  };
  const expectApplied = async (): Promise<void> => {
    expect(await interval()).toBe(30);
    expect([settings.owners.fleet.parts, settings.owners.alerting.parts]).toEqual([nodes, rules]);
  };

  beforeEach(async () => {
    settings = await Settings.start();
    await set(30);
    settings.owners.fleet.parts = nodes;
    settings.owners.alerting.parts = rules;
    file = await settings.export();
    settings.owners.fleet.parts = [];
    settings.owners.alerting.parts = [];
    await set(60);
  });
  afterEach(() => settings.stop());

  it('carries all sections away and back, tells everybody, and the audit trail both', async () => {
    const heard: SystemSettings[] = [];
    settings.bus.listen(settingsChanged, '*', (news) => heard.push(news));
    const { sections, importId } = await settings.import(file);
    expect(sections).toEqual({ nodes: 1, guestMetadata: 2, alerts: 1, system: 1 });
    await expectApplied();
    await eventually(() => expect(heard.at(-1)).toMatchObject({ refreshInterval: 30 }));
    await eventually(() => expect(settings.audit).toHaveLength(3));
    const by = { actor: { name: 'admin', userId: null, address: '127.0.0.1' }, type: 'configuration' };
    expect(settings.audit).toMatchObject([
      { ...by, action: 'exported', details: { sections: { nodes: 1, guestMetadata: 2 } } },
      {
        ...by,
        type: 'settings',
        action: 'settings_changed',
        target: 'refreshInterval',
        details: { refreshInterval: { from: 60, to: 30 }, importId },
      },
      { ...by, action: 'imported', eventId: importId, details: { sections, importId } },
    ]);
    expect(JSON.stringify(settings.audit)).not.toContain('secret of a node');
    expect(await settings.states()).toEqual(['applied']);
    await settings.import(file);
    await expectApplied();
  });

  it('leaves credentials and retention as they are for whoever may not change settings', async () => {
    await settings.bus.request(settingsUpdate, { apiKeyEnabled: false, retentionDays: 1 });
    const open = await settings.export();
    await settings.bus.request(settingsUpdate, { apiKeyEnabled: true, retentionDays: 30, theme: 'dark' });
    await settings.import(open, undefined, ['config:import']);
    expect(await settings.bus.request(settingsGet, {})).toMatchObject({
      apiKeyEnabled: true,
      retentionDays: 30,
      theme: 'auto',
    });
    await settings.import(open, undefined, ['config:import', 'settings:manage']);
    expect(await settings.bus.request(settingsGet, {})).toMatchObject({ apiKeyEnabled: false, retentionDays: 1 });
  });

  it('tells of settings at once, also while another owner is away', async () => {
    const heard: number[] = [];
    settings.bus.listen(settingsChanged, '*', ({ refreshInterval }) => heard.push(refreshInterval));
    settings.owners.alerting.fault.apply = away;
    const refused = settings.refusal(file);
    await eventually(() => expect(heard).toEqual([30]), 5000);
    delete settings.owners.alerting.fault.apply;
    await refused.catch(() => {});
    await eventually(async () => expect(await settings.states()).toEqual(['applied']), 20_000);
  }, 60_000);

  it('says so when one of them has a fault of his own after the decision, and completes it later', async () => {
    settings.owners.alerting.fault.apply = new LapwingError('INTERNAL', 'internal error');
    expect(await settings.refusal(file)).toMatchObject({ code: 'UNAVAILABLE', details: { decided: true } });
    delete settings.owners.alerting.fault.apply;
    await eventually(async () => expect(await settings.states()).toEqual(['applied']), 20_000);
    await expectApplied();
  }, 60_000);

  it('changes nothing when one of them refuses his section, and says which', async () => {
    settings.owners.alerting.fault.stage = new LapwingError('INVALID_INPUT', 'alerts.0.enabled: no', {
      section: 'alerts',
      field: '0.enabled',
    });
    expect(await settings.refusal(file)).toMatchObject({
      code: 'INVALID_INPUT',
      details: { section: 'alerts', field: '0.enabled' },
    });
    await expectUnchanged();
    expect(settings.owners.fleet.told).toEqual(['list', 'stage', 'stage', 'discard']);
    expect([await settings.states(), settings.owners.fleet.staged.size]).toEqual([['discarded'], 0]);
  });

  it('changes nothing when one of them dies before the decision; it is discarded there when he is back', async () => {
    const { alerting, fleet } = settings.owners;
    alerting.fault = { stage: away, discard: away };
    const { code, message, details } = await settings.refusal(file);
    expect([code, details['decided']]).toEqual(['UNAVAILABLE', false]);
    expect(message).toContain('nothing was changed');
    await expectUnchanged();
    expect([await settings.states(), fleet.staged.size]).toEqual([['discarding'], 0]);
    alerting.fault = {};
    // Another import need not wait for that.
    await settings.import(file);
    await expectApplied();
    await settings.postgres.query('age', `UPDATE settings.import SET touched_at = 'epoch' WHERE ended_at IS NULL`);
    await eventually(async () => expect(await settings.states()).toEqual(['discarded', 'applied']), 15_000);
    expect(alerting.told).toContain('discard');
  }, 60_000);

  it('completes what was decided when one of them was away, and says so; meanwhile there is no other', async () => {
    const { alerting } = settings.owners;
    alerting.fault.apply = away;
    const { code, message, details } = await settings.refusal(file);
    expect([code, details]).toMatchObject(['UNAVAILABLE', { decided: true, pending: ['alerting'] }]);
    expect(message).toContain('decided, being completed');
    expect([await interval(), settings.owners.fleet.parts]).toEqual([30, nodes]);
    expect((await settings.refusal(file)).code).toBe('IMPORT_IN_PROGRESS');
    await expect(settings.export()).rejects.toMatchObject({ code: 'IMPORT_IN_PROGRESS' });
    delete alerting.fault.apply;
    await eventually(async () => expect(await settings.states()).toEqual(['applied']), 20_000);
    await expectApplied();
    await eventually(() =>
      expect(settings.audit.map(({ action }) => action)).toEqual(['exported', 'settings_changed', 'imported']),
    );
  }, 60_000);

  it('completes it after a restart, too', async () => {
    const { alerting } = settings.owners;
    alerting.fault.apply = away;
    // Whoever asked hears nothing any more of a process that ended.
    void settings.refusal(file).catch(() => {});
    await eventually(() => expect(settings.owners.fleet.parts).toEqual(nodes));
    await settings.end();
    expect(await settings.states()).toEqual(['decided']);
    delete alerting.fault.apply;
    await settings.serve();
    await eventually(async () => expect(await settings.states()).toEqual(['applied']), 20_000);
    await expectApplied();
  }, 60_000);

  it('gives up one whose process died before it decided', async () => {
    await settings.postgres.query(
      'orphan',
      `INSERT INTO settings.import (id, state, holder, touched_at, started_at, pending, sections, actor)
       VALUES (gen_random_uuid(), 'staging', 'somebody', now() - interval '1 minute', now(), '{}', '{}', '{}')`,
    );
    await eventually(async () => expect(await settings.states()).toEqual(['discarded']), 15_000);
    expect(settings.owners.fleet.told).toContain('discard');
    await settings.import(file);
    await expectApplied();
  }, 30_000);

  it('lets in one of several at once, over all replicas', async () => {
    await settings.serve();
    let free = (): void => {};
    const held = new Promise<void>((resolve) => (free = resolve));
    settings.owners.alerting.before.stage = () => held;
    const imports = Promise.allSettled(Array.from({ length: 4 }, () => settings.import(file)));
    await eventually(async () => expect(await settings.states()).toHaveLength(1));
    await eventually(async () => expect((await settings.refusal(file)).code).toBe('IMPORT_IN_PROGRESS'));
    free();
    const results = await imports;
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
    const codes = results.flatMap((result) =>
      result.status === 'rejected' ? [(result.reason as LapwingError).code] : [],
    );
    // On a busy machine one may not even get its turn.
    expect(['IMPORT_IN_PROGRESS', 'UNAVAILABLE']).toEqual(expect.arrayContaining([...new Set(codes)]));
    await expectApplied();
  }, 60_000);

  it('with the database away before the decision changes nothing, and works when it is back', async () => {
    settings.owners.alerting.before.stage = async () => settings.proxy.cut();
    const { code, details } = await settings.refusal(file);
    expect([code, details['decided']]).toEqual(['UNAVAILABLE', null]);
    settings.owners.alerting.before = {};
    settings.connectDatabase();
    await eventually(interval, 15_000);
    await expectUnchanged();
    await settings.postgres.query('age', `UPDATE settings.import SET touched_at = 'epoch'`);
    await eventually(async () => expect(await settings.states()).toEqual(['discarded']), 20_000);
    await settings.import(file);
    await expectApplied();
  }, 60_000);

  it('with the database away after the decision is completed when it is back', async () => {
    settings.owners.alerting.before.apply = async () => settings.proxy.cut();
    const { code, details } = await settings.refusal(file);
    expect([code, details['decided']]).toEqual(['UNAVAILABLE', true]);
    settings.owners.alerting.before = {};
    settings.connectDatabase();
    await settings.postgres.query('age', `UPDATE settings.import SET touched_at = 'epoch'`);
    await eventually(async () => expect(await settings.states()).toEqual(['applied']), 30_000);
    await expectApplied();
    expect(settings.owners.alerting.told.filter((verb) => verb === 'apply').length).toBeGreaterThan(1);
  }, 90_000);

  it('ends as failed, said aloud, when somebody has lost what was to hold', async () => {
    settings.owners.alerting.fault.apply = new LapwingError('NOT_FOUND', 'nothing is staged for this import');
    expect((await settings.refusal(file)).code).toBe('INTERNAL');
    expect(await settings.states()).toEqual(['failed']);
    await eventually(() =>
      expect(settings.audit.map(({ action }) => action)).toEqual(['exported', 'settings_changed', 'failed']),
    );
    delete settings.owners.alerting.fault.apply;
    await settings.import(file);
    await expectApplied();
  });

  it('asks nobody with another pass phrase, or half of the file', async () => {
    const asked = settings.owners.fleet.told.length;
    const half = file.slice(0, Math.floor(file.length / 8) * 4);
    expect((await settings.refusal(half)).code).toBe('EXPORT_UNREADABLE');
    expect((await settings.refusal(file, 'not the pass phrase')).code).toBe('EXPORT_UNREADABLE');
    expect([settings.owners.fleet.told.length, await settings.states()]).toEqual([asked, []]);
    await expectUnchanged();
  });

  it('does not export when somebody is away, or the audit trail cannot be told', async () => {
    settings.owners.fleet.fault.list = away;
    await expect(settings.export()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(settings.audit).toHaveLength(1);
  });
});
