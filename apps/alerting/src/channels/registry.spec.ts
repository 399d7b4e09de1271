import type { AlertMessage } from '../domain/message';
import { headerText } from './ntfy/ntfy';
import { webhookService, webhookServices } from './registry';
import { sampleMessages } from './sample';
import { escapedMarkdown, escapedNames, type Webhook } from './webhook-channel';
import { PayloadError, requestsOf as generated } from './webhook-request';

const requestsOf = (...about: Parameters<typeof generated>) => [...generated(...about)];

const [firing, resolved, summary, bare] = sampleMessages();
if (!firing || !resolved || !summary || !bare) throw new Error('four samples');

const webhook = (service: string, changes: Partial<Webhook> = {}): Webhook => ({
  id: 'w1',
  name: 'a receiver',
  url: 'https://receiver.example/hook',
  method: 'POST',
  headers: {},
  enabled: true,
  service,
  template: null,
  customFields: { chat_id: '-100123', app_token: 'app', user_token: 'user', routing_key: 'key' },
  secret: null,
  ...changes,
});

const sent = (service: string, message: AlertMessage, changes: Partial<Webhook> = {}) => {
  const requests = requestsOf(webhook(service, changes), message);
  return requests.map(({ headers, body = '' }) => ({
    headers,
    body: /json/.test(headers['content-type'] ?? '') ? JSON.parse(body) : body,
  }));
};
const one = (...args: Parameters<typeof sent>) => {
  const requests = sent(...args);
  expect(requests).toHaveLength(1);
  return requests[0]?.body;
};

const awkward = firing.alerts[0]?.resourceName;

describe('every service', () => {
  const json = webhookServices.filter(({ contentType }) => contentType === 'application/json');
  it.each(json.map(({ service }) => service))('%s makes JSON of whatever is told', (service) => {
    for (const message of sampleMessages()) expect(sent(service, message).length).toBeGreaterThan(0);
    for (const kind of ['test', 'firing'] as const) expect(sent(service, { ...firing, kind }).length).toBe(1);
  });

  it('is found by its name, which is that of its folder', () => {
    expect(webhookServices.map(({ service }) => service).join(' ')).toBe(
      'generic discord slack telegram teams teams-adaptive pagerduty pushover gotify ntfy apprise alertmanager',
    );
    expect(webhookService('slack')?.name).toBe('Slack');
    expect(webhookService('toString')).toBeUndefined();
  });
});

describe('generic', () => {
  it('says everything', () => {
    expect(one('generic', summary)).toMatchObject({
      event: 'summary',
      count: 12,
      grouped: true,
      instance: 'https://lapwing.example',
    });
    expect(one('generic', summary).alerts).toHaveLength(3);
    expect(one('generic', summary).alert).toBeUndefined();
    expect(one('generic', resolved).alert).toEqual(one('generic', resolved).alerts[0]);
    expect(one('generic', resolved).alerts[0]).toEqual({
      id: 'vm-101-cpu',
      level: 'critical',
      type: 'cpu',
      resourceId: 'vm-101',
      resourceName: awkward,
      resourceType: 'vm',
      node: 'pve1',
      message: `CPU of ${awkward} is at 95.2 %`,
      value: 95.2,
      threshold: 90,
      startTime: '2026-01-15T12:00:00Z',
      endTime: '2026-01-15T12:02:00Z',
      duration: '2m',
      resolved: true,
      acknowledged: false,
      metadata: { cores: 4, tags: [awkward] },
    });
    expect(one('generic', bare).alerts[0]).toMatchObject({ value: 0, endTime: null, metadata: {} });
  });
});

describe('chats', () => {
  it('Discord calls nobody, and has no empty fields', () => {
    const { allowed_mentions: mentions, embeds } = one('discord', bare);
    expect(mentions).toEqual({ parse: [] });
    expect(embeds[0].url).toBeUndefined();
    expect(embeds[0].fields).toHaveLength(6);
    for (const { value } of embeds[0].fields) expect(value).not.toBe('');
    expect(one('discord', summary).embeds[0].fields).toBeUndefined();
  });

  it('Slack is told no commands', () => {
    const alerts = firing.alerts.map((alert) => ({ ...alert, resourceName: '<!channel> & co' }));
    const text = JSON.stringify(one('slack', { ...firing, alerts }));
    expect(text).toContain('&lt;!channel&gt; &amp; co');
    expect(text).not.toContain('<!channel>');
  });

  const link = '[x](https://evil.example/)';
  const asText = String.raw`\[x\]\(https://evil.example/\)`;
  const linked = (message: AlertMessage): AlertMessage => {
    const named = { message: `CPU of ${link}`, resourceName: link, resourceId: link, resourceType: link, node: link };
    return { ...message, alerts: message.alerts.map((alert) => ({ ...alert, ...named, acknowledgedBy: link })) };
  };
  it.each(['discord', 'teams-adaptive'])('%s is told no links, in no place', (service) => {
    for (const message of sampleMessages()) {
      const text = JSON.stringify(one(service, linked(message)));
      expect(text).not.toContain(link);
      expect(text).toContain(JSON.stringify(asText).slice(1, -1));
    }
    expect(
      JSON.stringify(one(service, linked(firing), { template: '{"a": "{{(index .Alerts 0).ResourceID}}"}' })),
    ).toBe(JSON.stringify({ a: asText }));
  });

  it('Slack and others get names as they write them', () => {
    expect(JSON.stringify(one('slack', linked(firing)))).toContain(link);
    expect(one('generic', linked(firing)).alerts[0].resourceName).toBe(link);
  });

  it('Telegram knows its chat from a custom field or the URL', () => {
    expect(one('telegram', firing).chat_id).toBe('-100123');
    const changes = { customFields: {}, url: 'https://api.telegram.org/bot1:x/sendMessage?chat_id=42' };
    expect(one('telegram', firing, changes).chat_id).toBe('42');
    expect(one('telegram', firing).text).toContain('\n\nhttps://lapwing.example');
  });

  it('Teams gets a colour without its mark', () => expect(one('teams', firing).themeColor).toBe('dc2626'));
  it('Teams with Workflows gets an Adaptive Card', () => {
    const [{ content }] = one('teams-adaptive', resolved).attachments;
    expect(content).toMatchObject({ type: 'AdaptiveCard', body: [{ color: 'Good' }, {}, { type: 'FactSet' }] });
    expect(content.actions[0].url).toBe('https://lapwing.example');
  });
});

describe('PagerDuty', () => {
  it('gets an event for each alert, by which it can tell what is over', () => {
    const bodies = sent('pagerduty', summary).map(({ body }) => body);
    expect(bodies.map((body) => [body.dedup_key, body.event_action])).toEqual([
      ['vm-101-cpu', 'trigger'],
      ['vm-101-cpu', 'resolve'],
      ['ct-7-disk', 'trigger'],
    ]);
    expect(bodies[2].payload.severity).toBe('warning');
    expect(one('pagerduty', bare).client_url).toBeUndefined();
  });

  it('gets its key from a header, too, which is not sent', () => {
    const [request] = sent('pagerduty', firing, {
      customFields: {},
      headers: { Routing_Key: 'from-header', 'x-a': 'b' },
    });
    expect(request?.body.routing_key).toBe('from-header');
    expect(request?.headers).toEqual({ 'content-type': 'application/json', 'x-a': 'b' });
  });
});

describe('names', () => {
  it.each([
    ['[x](https://evil.example/)', String.raw`\[x\]\(https://evil.example/\)`],
    ['![x](y)', String.raw`!\[x\]\(y\)`],
    ['<https://evil.example/|x>', String.raw`\<https://evil.example/\|x\>`],
    ['**a** __b__ ~~c~~ `d` ||e|| # f', String.raw`\*\*a\*\* \_\_b\_\_ \~\~c\~\~ \`d\` \|\|e\|\| \# f`],
    [String.raw`\[x](y)`, String.raw`\\\[x\]\(y\)`],
    ['web-1.example, pve 2', 'web-1.example, pve 2'],
  ])('%s are %s where Markdown is read', (name, expected) => expect(escapedMarkdown(name)).toBe(expected));
  it('are all that is escaped, in a message that stays as it was', () => {
    const before = structuredClone(summary);
    const after = escapedNames(summary, (text) => `<${text}>`);
    expect(summary).toEqual(before);
    expect({ ...after, alerts: [] }).toEqual({ ...before, alerts: [] });
    expect(after.alerts).toEqual(
      before.alerts.map((alert) => ({
        ...alert,
        message: `<${alert.message}>`,
        resourceName: `<${alert.resourceName}>`,
        resourceId: `<${alert.resourceId}>`,
        resourceType: `<${alert.resourceType}>`,
        node: `<${alert.node}>`,
        acknowledgedBy: alert.acknowledgedBy === null ? null : `<${alert.acknowledgedBy}>`,
      })),
    );
  });
});

describe('pushes', () => {
  it('Pushover gets its tokens, and text that is not too long', () =>
    expect(one('pushover', firing)).toMatchObject({ token: 'app', user: 'user', priority: 1 }));
  it('Gotify gets a priority', () => {
    expect(one('gotify', firing).priority).toBe(8);
    expect(one('gotify', resolved).priority).toBe(2);
  });
  it('Apprise gets a type', () => {
    expect(one('apprise', firing).type).toBe('failure');
    expect(one('apprise', { ...firing, kind: 'test' }).type).toBe('info');
  });

  it('ntfy gets text, and the rest in headers', () => {
    const [request] = sent('ntfy', firing, { headers: { Tags: 'mine' } });
    expect(request?.body).toMatch(/^CPU of .*\n\nhttps:\/\/lapwing.example$/);
    expect(request?.headers).toMatchObject({
      priority: '5',
      tags: 'mine',
      'content-type': 'text/plain; charset=utf-8',
    });
    expect(request?.headers.title).toMatch(/^=\?UTF-8\?B\?/);
    expect(sent('ntfy', resolved)[0]?.headers).toMatchObject({ priority: '3', tags: 'white_check_mark' });
  });

  it('headers hold ASCII, in words that are not too long', () => {
    expect(headerText('plain\r\nX-Evil: 1')).toBe('plain X-Evil: 1');
    const words = headerText('ä😀'.repeat(40)).split(' ');
    for (const word of words) expect(word.length).toBeLessThanOrEqual(75);
    const decoded = words.map((word) => Buffer.from(word.slice(10, -2), 'base64').toString()).join('');
    expect(decoded).toBe('ä😀'.repeat(40));
  });
});

describe('Alertmanager', () => {
  const levels = (message: AlertMessage) =>
    one('alertmanager', message).map((alert: { labels: { severity: string }; endsAt: string }) => [
      alert.labels.severity,
      alert.endsAt,
    ]);
  it('gets a list, in which what lasts has its end far away, and the other level is over', () => {
    expect(levels(firing)).toEqual([
      ['critical', '2026-02-14T12:02:05Z'],
      ['warning', '2026-01-15T12:02:05Z'],
    ]);
    expect(levels(resolved)).toEqual([
      ['critical', '2026-01-15T12:02:00Z'],
      ['warning', '2026-01-15T12:02:00Z'],
    ]);
  });
  it('forgets a test soon', () => expect(levels({ ...firing, kind: 'test' })[0][1]).toBe('2026-01-15T12:07:05Z'));
});

describe('what is rendered', () => {
  it('is the URL, too, with values that cannot leave their place', () => {
    const [request] = requestsOf(
      webhook('generic', { url: 'https://receiver.example/{{.Level}}?name={{.ResourceName}}' }),
      firing,
    );
    expect(request?.url).toBe(`https://receiver.example/critical?name=${encodeURIComponent(awkward ?? '')}`);
  });

  it.each([
    'https://receiver.example{{.Level}}/',
    'https://{{.Level}}.receiver.example/',
    '{{.Instance}}/hook',
    'https://user@receiver.example/',
    'receiver.example/hook',
    'https://receiver.example:{{len .Alerts}}/',
  ])('%s leads where nobody has said, and is not asked', (url) => {
    expect(() => requestsOf(webhook('generic', { url }), firing)).toThrow(PayloadError);
    expect(() => requestsOf(webhook('generic', { url }), firing)).toThrow(
      'the URL leads elsewhere when it is rendered',
    );
  });

  it('is made one by one', () => {
    const requests = generated(webhook('pagerduty'), summary);
    expect(requests.next().value).toMatchObject({ url: 'https://receiver.example/hook' });
    expect([...requests]).toHaveLength(2);
    // Nothing is made before it is asked for.
    expect(() => generated(webhook('generic', { template: '' }), firing)).not.toThrow();
  });

  it('has no body for a GET', () => {
    const [request] = requestsOf(webhook('generic', { method: 'GET' }), firing);
    expect(request).toEqual({ url: 'https://receiver.example/hook', headers: {}, body: undefined });
  });

  it('is escaped as its content type wants it', () => {
    const body = (type: string, template: string) =>
      requestsOf(webhook('generic', { headers: { 'Content-Type': type }, template }), firing)[0]?.body;
    expect(body('text/plain', '{{.ResourceName}}')).toBe(awkward);
    expect(body('application/x-www-form-urlencoded', 'name={{.ResourceName}}')).toBe(
      `name=${encodeURIComponent(awkward ?? '')}`,
    );
    expect(body('application/problem+json', '"{{.ResourceName}}"')).toBe(JSON.stringify(awkward));
  });

  it('is refused when it is not what it should be', () => {
    const attempt = (template: string) => () => requestsOf(webhook('generic', { template }), firing);
    expect(attempt('{\n"a": {{.Level}}\n}')).toThrow(/does not make valid JSON/);
    expect(attempt('')).toThrow(/does not make valid JSON/);
    const customFields = { long: 'x'.repeat(100_000) };
    const long = webhook('generic', { customFields, template: '"{{range .Alerts}}{{$.CustomFields.long}}{{end}}"' });
    expect(() => requestsOf(long, summary)).toThrow(/the template cannot be rendered: line 1, column \d+: .* longer/);
  });
});
