import { defaultAlertConfig, type EmailSettings, type Webhook } from '@lapwing/contracts';
import {
  EmailBody,
  NotificationsBody,
  NotificationsView,
  WebhookBody,
  toNotificationsView,
  toRules,
  toTrialsView,
  toWebhookChanges,
} from './notifications.view';

const email: EmailSettings = {
  enabled: false,
  provider: '',
  server: '',
  port: 25,
  username: '',
  from: '',
  to: [],
  tls: false,
  startTLS: false,
  hasPassword: false,
};
const webhook: Webhook = {
  id: '018f3c1e-7d2a-4c3b-9a54-0123456789ab',
  name: 'ops',
  url: 'https://example.com',
  method: 'POST',
  headers: {},
  enabled: true,
  service: 'generic',
  template: null,
  customFields: {},
  hasSecret: false,
};

describe('who is told of alerts', () => {
  const manager = { permissions: ['notifications:manage'] };
  const shown = toNotificationsView({ config: defaultAlertConfig, email, webhooks: [webhook] }, manager);
  const rules = (body: object) => toRules(NotificationsBody.parse(body), shown, defaultAlertConfig);

  it('shows the path of a URL to those who may change it alone', () => {
    const [seen] = toNotificationsView(
      { config: defaultAlertConfig, email, webhooks: [webhook] },
      { permissions: ['notifications:view'] },
    ).webhooks;
    expect(seen?.url).toBe(`${new URL(webhook.url).origin}/********`);
  });
  it('is told somebody while there is a channel and an alert', () => {
    expect(NotificationsView.parse(shown)).toEqual(shown);
    expect(shown.enabled).toBe(true);
    expect(toNotificationsView({ config: defaultAlertConfig, email, webhooks: [] }, manager).enabled).toBe(false);
    expect(
      toNotificationsView({ config: { ...defaultAlertConfig, enabled: false }, email, webhooks: [webhook] }, manager)
        .enabled,
    ).toBe(false);
  });

  it('stays as it is when it comes back as it was shown', () => {
    const { schedule, aggregation } = defaultAlertConfig;
    expect(rules(shown)).toEqual({ schedule, aggregation });
    expect(rules({})).toEqual({});
  });

  it.each([
    ['cooldown', { cooldown: 9 }, { schedule: { cooldown: 9 } }],
    ['cooldown within the schedule', { cooldown: 5, schedule: { cooldown: 9 } }, { schedule: { cooldown: 9 } }],
    ['grouping', { grouping: { window: 9 } }, { aggregation: { windowSeconds: 9 } }],
    ['grouping within the schedule', { schedule: { grouping: { window: 9 } } }, { aggregation: { windowSeconds: 9 } }],
  ])('is changed by %s', (_, body, expected) => expect(rules({ ...shown, ...body })).toMatchObject(expected));

  it('is refused where it is changed elsewhere', () => {
    expect(() => rules({ webhooks: [] })).toThrow('/api/notifications/webhooks');
    expect(() => rules({ enabled: false })).toThrow('/api/notifications/email');
  });
});

describe('channels', () => {
  it('take null for nothing', () => {
    expect(EmailBody.parse({ to: null, port: 25 })).toEqual({ port: 25 });
    expect(WebhookBody.parse({ name: 'a', url: 'b', headers: null, template: '' })).toMatchObject({
      headers: {},
      template: null,
    });
  });

  it('change without what clients only read', () =>
    expect(toWebhookChanges({ id: 'x', hasSecret: true, name: 'a', headers: null, template: 't' })).toEqual({
      name: 'a',
      headers: {},
      template: 't',
    }));

  it('tell which of them failed', () => {
    const trial = { channel: 'email', name: 'mail', success: true, code: 250, error: '' };
    expect(toTrialsView([trial])).toMatchObject({ success: true });
    expect(() => toTrialsView([])).toThrow('no channel');
    expect(() => toTrialsView([trial, { ...trial, name: '', success: false, error: 'no' }])).toThrow('email: no');
  });
});
