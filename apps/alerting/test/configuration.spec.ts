import {
  alertConfigGet,
  emailGet,
  emailUpdate,
  logruleCreate,
  maintenanceCreate,
  maintenanceDelete,
  maintenanceList,
  notificationTest,
  ownedConfiguration,
  silenceCreate,
  silenceList,
  webhookDelete,
  webhookList,
  webhookUpdate,
  type ConfigurationPart,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { createHmac, randomUUID } from 'node:crypto';
import { Alerting, actor, atOnce } from './harness';

const { list, stage, apply, discard } = ownedConfiguration.alerting;
type Entry = Record<string, unknown>;

describe('the configuration of alerting', () => {
  let alerting: Alerting;

  beforeAll(async () => {
    alerting = await Alerting.start(2);
  }, 90_000);
  afterAll(() => alerting.stop());

  const exported = async (): Promise<ConfigurationPart[]> => {
    const found: ConfigurationPart[] = [];
    for (let after: string | null = ''; after !== null;) {
      const answer: { parts: ConfigurationPart[]; next: string | null } = await alerting.bus.request(list, { after });
      found.push(...answer.parts);
      after = answer.next;
    }
    return found;
  };
  const staged = async (parts: ConfigurationPart[], importId: string = randomUUID()): Promise<string> => {
    for (const [number, part] of parts.entries())
      await alerting.bus.request(stage, { importId, number, part, isLast: number === parts.length - 1 });
    return importId;
  };
  const imported = async (parts: ConfigurationPart[]): Promise<void> => {
    await alerting.bus.request(apply, { importId: await staged(parts) });
  };
  const refusal = (promise: Promise<unknown>): Promise<unknown[]> =>
    promise.then(
      () => ['fine'],
      (error: { code: string; details: Record<string, unknown> }) => [
        error.code,
        error.details['section'],
        error.details['field'],
      ],
    );
  /** All that the API shows of it. */
  const shown = async () => ({
    config: await alerting.bus.request(alertConfigGet, {}),
    windows: (await alerting.bus.request(maintenanceList, {})).windows,
    email: await alerting.bus.request(emailGet, {}),
    webhooks: (await alerting.bus.request(webhookList, {})).webhooks,
  });
  const matchers = [{ name: 'node' as const, op: '=' as const, value: 'web-1' }];
  const fill = async (): Promise<void> => {
    const { webhooks, windows } = await shown();
    for (const { id } of webhooks) await alerting.bus.request(webhookDelete, { actor, id });
    for (const { id } of windows) await alerting.bus.request(maintenanceDelete, { actor, id });
    await alerting.configure({ ...atOnce, enabled: true, hostDefaults: { cpu: 70 }, overrides: {}, logRules: [] });
    const rule = { name: 'Errors', query: 'error', count: 5, pattern: 'fail(ed|ure)' };
    await alerting.bus.request(logruleCreate, { actor, draft: rule });
    const schedule = { kind: 'weekly' as const, days: ['monday' as const], start: '02:00', durationMinutes: 60 };
    const draft = { name: 'Patches', enabled: true, matchers, timezone: 'Europe/Berlin', schedule };
    await alerting.bus.request(maintenanceCreate, { actor, draft });
    const mail = { enabled: true, server: 'mail.example.com', from: 'lapwing@example.com', to: ['ops@example.com'] };
    await alerting.bus.request(emailUpdate, {
      actor,
      draft: { ...mail, username: 'lapwing', password: 'mail secret' },
    });
    await alerting.webhook({ name: 'First', secret: 'shared', headers: { Authorization: 'Bearer hidden' } });
    await alerting.webhook({ name: 'Second', enabled: false, customFields: { token: 'hidden, too' } });
  };

  it('comes back as it was, with ids and secrets in use, while silences stay', async () => {
    await fill();
    const [before, parts] = [await shown(), await exported()];
    const [first, second] = before.webhooks;
    if (!first || !second) throw new Error('webhooks');
    expect(JSON.stringify(parts)).toContain('mail secret');
    await alerting.bus.request(webhookDelete, { actor, id: second.id });
    await alerting.bus.request(webhookUpdate, { actor, id: first.id, changes: { name: 'Changed', secret: 'other' } });
    await alerting.webhook({ name: 'Third' });
    await alerting.configure({ hostDefaults: { cpu: 99 }, overrides: { 'web-9': { cpu: 10 } }, logRules: [] });
    await alerting.bus.request(emailUpdate, { actor, draft: { enabled: false, to: [] } });
    const silence = { matchers, startsAt: Date.now(), endsAt: Date.now() + 60_000, comment: 'today' };
    await alerting.bus.request(silenceCreate, { actor, draft: silence });

    await imported(parts);

    // The rules are known to both replicas a moment later.
    await eventually(async () => expect((await shown()).config).toEqual(before.config));
    const timeless = ({ windows, ...rest }: typeof before) => ({
      ...rest,
      windows: windows.map(({ nextAt: _nextAt, activeUntil: _activeUntil, ...window }) => window),
    });
    expect(timeless(await shown())).toEqual(timeless(before));
    expect(await exported()).toEqual(parts);
    expect((await alerting.bus.request(silenceList, {})).silences).toMatchObject([{ comment: 'today' }]);
    alerting.receiver.requests.length = 0;
    const trial = { actor, method: 'webhook' as const, webhookId: first.id };
    expect((await alerting.bus.request(notificationTest, trial)).results).toMatchObject([{ success: true }]);
    const { headers, body } = alerting.receiver.last;
    const at = headers['x-lapwing-timestamp'];
    const signature = createHmac('sha256', 'shared').update(`${at}.${body}`).digest('hex');
    expect([headers['authorization'], headers['x-lapwing-signature']]).toEqual(['Bearer hidden', `v1=${signature}`]);
  });

  it('is followed at once by what is judged: alerts end that the rules of the file do not raise', async () => {
    await fill();
    await alerting.configure({ hostDefaults: { cpu: -1 } });
    const quiet = await exported();
    await alerting.configure({ hostDefaults: { cpu: 70 } });
    // Each replica hears of new rules in its own time.
    const judged = (open: string[]) =>
      eventually(async () => {
        await alerting.cpu('web-7', Date.now(), 85);
        expect((await alerting.open()).map(({ id }) => id)).toEqual(open);
      }, 15_000);
    await judged(['web-7-cpu']);
    await imported(quiet);
    await judged([]);
  }, 60_000);

  it('is applied once, and not after it was discarded', async () => {
    await fill();
    const importId = await staged(await exported());
    await alerting.bus.request(apply, { importId });
    await alerting.webhook({ name: 'Later' });
    await alerting.bus.request(apply, { importId });
    expect((await shown()).webhooks).toHaveLength(3);
    const other = await staged(await exported());
    await alerting.bus.request(discard, { importId: other });
    expect(await refusal(alerting.bus.request(apply, { importId: other }))).toMatchObject(['NOT_FOUND']);
    expect(await alerting.rows('SELECT 1 FROM alerting.import_part')).toEqual([]);
  });

  const changed =
    (section: string, fields: Entry) =>
    (parts: ConfigurationPart[]): ConfigurationPart[] =>
      parts.map((part) => {
        const [first, ...rest] = part.entries as Entry[];
        return part.section === section ? { ...part, entries: [{ ...first, ...fields }, ...rest] } : part;
      });
  const doubled =
    (section: string) =>
    (parts: ConfigurationPart[]): ConfigurationPart[] =>
      parts.map((part) => (part.section === section ? { ...part, entries: [...part.entries, part.entries[0]] } : part));
  const emptied =
    (section: string) =>
    (parts: ConfigurationPart[]): ConfigurationPart[] =>
      parts.map((part) => (part.section === section ? { ...part, entries: [] } : part));

  it.each<[string, (parts: ConfigurationPart[]) => ConfigurationPart[], string, string]>([
    [
      'a threshold out of range',
      changed('alerts', { storageDefault: { trigger: 5, clear: 9 } }),
      'alerts',
      '0.storageDefault',
    ],
    ['a rule that nobody knows', changed('alerts', { shellCommand: 'x' }), 'alerts', '0.shellCommand'],
    ['no rules', emptied('alerts'), 'alerts', ''],
    ['rules twice', doubled('alerts'), 'alerts', '1'],
    ['a time zone that is none', changed('maintenance', { timezone: 'Mars/Olympus' }), 'maintenance', '0.timezone'],
    ['a window twice', doubled('maintenance'), 'maintenance', '1.id'],
    ['mail to nobody that there is', changed('email', { to: ['nobody'] }), 'email', '0'],
    ['a port that is none', changed('email', { port: 70_000 }), 'email', '0.port'],
    [
      'a webhook into a network that must not be asked',
      changed('webhooks', { url: 'http://169.254.169.254/x' }),
      'webhooks',
      '0',
    ],
    ['a webhook with a broken template', changed('webhooks', { template: '{{ if }}' }), 'webhooks', '0'],
    ['a webhook of an unknown service', changed('webhooks', { service: 'x' }), 'webhooks', '0'],
    [
      'a webhook with a header of our own',
      changed('webhooks', { headers: { 'X-Lapwing-Signature': 'x' } }),
      'webhooks',
      '0',
    ],
    ['a webhook twice', doubled('webhooks'), 'webhooks', '2.id'],
  ])('refuses %s, by section and field, and changes nothing', async (_, breakIt, section, field) => {
    await fill();
    const before = await exported();
    expect(await refusal(staged(breakIt(before)))).toEqual(['INVALID_INPUT', section, field]);
    expect(await exported()).toEqual(before);
  });

  it('refuses a pattern that is none, with the rule that has it', async () => {
    await fill();
    const before = await exported();
    const rules = before[0]?.entries[0] as { logRules: Entry[] };
    const logRules = [{ ...rules.logRules[0], pattern: '(?=look)' }];
    expect(await refusal(staged(changed('alerts', { logRules })(before)))).toEqual([
      'INVALID_INPUT',
      'alerts',
      expect.stringContaining('0.logRules.0'),
    ]);
  });
});
