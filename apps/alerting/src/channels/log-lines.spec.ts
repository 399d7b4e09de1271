import { LogRule } from '@lapwing/contracts';
import { T0, configOf } from '../../test/estate-fixtures';
import { Engine } from '../domain/engine';
import type { AlertMessage } from '../domain/message';
import { readMatches } from '../domain/readings/logs';
import { renderEmail } from './email/render';
import { webhookServices } from './registry';
import { sampleMessages } from './sample';
import { requestsOf } from './webhook-request';

const line =
  '\u001b[2Jroot {{.MessageID}}{{end}} "quoted" \\ <b>bold</b> <!channel> @everyone\r\nBcc: a@b\n*md* [x](http://y)';
const cleaned = 'root {{.MessageID}}{{end}} "quoted" \\ <b>bold</b> <!channel> @everyone Bcc: a@b *md* [x](http://y)';

/** What is told of a rule that found such a line. */
function messageOf(): AlertMessage {
  const rule = LogRule.parse({ id: 'r', name: 'a rule', query: 'x', count: 1 });
  const matches = [{ agentId: 'web-1', count: 1, examples: [{ time: T0, name: 'u', message: line }] }];
  const hostOf = () => ({ name: 'web-1', parents: [] });
  const look = readMatches(rule, matches, { open: [], hostOf, at: T0 });
  const [change] = new Engine(configOf({ logRules: [rule] })).look(look);
  const [sample] = sampleMessages();
  const [alert] = sample?.alerts ?? [];
  if (!change || !sample || !alert) throw new Error('nothing is told');
  const { message, resource, signal } = change;
  const told = { ...alert, message, type: signal, resourceName: resource.name, resourceType: resource.type };
  return { ...sample, alerts: [told], total: 1 };
}

describe('a line of a log that somebody else has written', () => {
  const message = messageOf();

  it('is text in a mail', () => {
    const { subject, text, html } = renderEmail(message);
    expect(subject).toBe('[Lapwing] Critical: log-matches of "a rule" on web-1');
    expect(text).toContain(`1 line matched "a rule" on web-1 in 5 minutes (limit 1): ${cleaned}\n`);
    expect(html).toContain('{{.MessageID}}{{end}} &quot;quoted&quot; \\ &lt;b&gt;bold&lt;/b&gt; &lt;!channel&gt;');
    // oxlint-disable-next-line no-control-regex -- they are what must not be there.
    expect(text + html).not.toMatch(/[\u0000-\u0009\u000B-\u001F]/);
  });

  it.each(webhookServices.map((service) => [service.service, service] as const))('is text for %s', (name, service) => {
    const webhook = {
      id: 'w',
      name: 'receiver',
      url: 'https://receiver.example/hook',
      method: service.method,
      headers: {},
      enabled: true,
      service: name,
      template: null,
      customFields: { chat_id: '-1', app_token: 'a', user_token: 'u', routing_key: 'k' },
      secret: null,
    };
    const [request] = requestsOf(webhook, message);
    const body = request?.body ?? '';
    const told = service.contentType.includes('json') ? JSON.stringify(JSON.parse(body)) : body;
    // Nothing of it was taken for a part of the template, and nothing of it speaks to a terminal.
    expect(told).toMatch(/\{\{\.MessageID\}\}|%7B%7B\.MessageID|\\{\\{/);
    expect(told).not.toContain(message.id + '{{end}}');
    expect(told).not.toContain('\\u001b');
    if (name === 'slack') expect(told).not.toContain('<!channel>');
    // Without it, Telegram reads no markup.
    expect(told).not.toContain('parse_mode');
    if (name === 'generic') expect(JSON.parse(body)).toMatchObject({ alert: { message: message.alerts[0]?.message } });
  });
});
