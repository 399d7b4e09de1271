import { checkWebhook, type WebhookDraft } from './webhook-check';
import { webhookServices } from './registry';

const draft = (changes: WebhookDraft = {}): WebhookDraft => ({
  name: 'Ops',
  url: 'https://receiver.example/hook',
  method: 'POST',
  headers: {},
  enabled: true,
  service: 'generic',
  template: null,
  customFields: {},
  secret: null,
  ...changes,
});
const check = (changes: WebhookDraft) => checkWebhook(draft(changes));

describe('a webhook', () => {
  it.each(webhookServices.map(({ service }) => service))('of %s is good with what the service needs', (service) => {
    const customFields = { chat_id: '1', app_token: 'a', user_token: 'b', routing_key: 'c' };
    expect(check({ service, customFields })).toEqual([]);
  });

  it.each<[WebhookDraft, RegExp]>([
    [{ name: ' ' }, /"name" must not be empty/],
    [{ name: undefined }, /"name" must be text/],
    [{ url: '' }, /"url" must not be empty/],
    [{ url: 'receiver' }, /"url" must be a URL/],
    [{ url: 'ftp://receiver.example' }, /"url": only http and https/],
    [{ url: 'file:///etc/passwd' }, /"url": only http and https/],
    [{ url: 'https://' }, /"url" must be a URL/],
    [{ url: 'https://receiver.example:99999/' }, /"url" must be a URL/],
    [{ url: 'https://a receiver.example/' }, /"url" must be a URL/],
    [{ url: 'https://receiver.example/{{.Nope' }, /"url": line 1, column \d+/],
    ...[
      'https://a:b@receiver.example',
      'https://a@receiver.example/hook',
      'ftp://a:b@receiver.example',
      'https://[{{.Level}}]/',
      'https://{{.Level}}.receiver.example/',
      'https://{{index .CustomFields "a/b"}}.receiver.example/',
      'https://receiver.example{{.Level}}/',
      'https://receiver.example:{{len .Alerts}}/',
      'https://{{.Level}}@receiver.example/',
      '{{.Instance}}/hook',
      'http{{if .Resolved}}s{{end}}://receiver.example/',
      String.raw`https:\\receiver.example\hook`,
    ].map((url): [WebhookDraft, RegExp] => [
      { url },
      /^"url": scheme and host must stand there as they are, without \{\{ \}\} and user names$/,
    ]),
    [{ method: 'DELETE' }, /one of POST, PUT, GET, PATCH/],
    [{ service: 'pigeon' }, /"service" "pigeon" is not known/],
    [{ headers: { 'X-A': 'b\r\nc' } }, /"X-A" may hold printable ASCII/],
    [{ headers: { 'X A': 'b' } }, /name of a header/],
    [{ headers: { Host: 'b' } }, /"Host" cannot be set/],
    [{ headers: { 'X-Lapwing-Signature': 'b' } }, /Lapwing's own/],
    [{ headers: { a: 1 } }, /each of "headers" must be text/],
    [{ headers: [] }, /"headers" must be names with texts/],
    [{ customFields: { a: {} } }, /each of "customFields" must be text/],
    [{ customFields: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`f${at}`, ''])) }, /50 at most/],
    [{ template: '{\n  "a": {{if}}\n}' }, /"template": line 2, column \d+/],
    [{ template: '{"a": {{.Message}} }' }, /does not make valid JSON/],
    [{ template: '{"a": "{{.Message}}", {{if .Resolved}}"b"{{end}} "c": 1}' }, /does not make valid JSON/],
    [{ template: ' '.repeat(65_537) }, /64 KiB/],
    [{ secret: 7 }, /"secret" must be text/],
    [{ service: 'telegram' }, /numeric chat_id/],
    [{ service: 'telegram', customFields: { chat_id: '@all' } }, /numeric chat_id/],
    [{ service: 'pagerduty' }, /routing_key/],
    [{ service: 'pushover', customFields: { app_token: 'a' } }, /"user_token"/],
  ])('with %j is refused', (changes, reason) => {
    const problems = check(changes);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(reason);
  });

  it.each([
    'https://receiver.example/{{.Level}}?name={{.ResourceName}}#{{.Kind}}',
    'https://receiver.example?a={{.Level}}',
    'https://receiver.example/a@b',
    'HTTP://receiver.example:8080/hook',
    'http://[2001:db8::1]:8080/hook',
  ])('may go to %s', (url) => expect(check({ url })).toEqual([]));

  it('may hold what is no JSON where its content type says so', () => {
    expect(check({ headers: { 'content-type': 'text/plain' }, template: '{{.Message}}' })).toEqual([]);
    expect(check({ service: 'ntfy', template: '{{.Title}}' })).toEqual([]);
  });

  it('may go to literal addresses only where the operator has said so', () => {
    const local = draft({ url: 'http://10.1.2.3/' });
    expect(checkWebhook(local)).toEqual([]);
    expect(checkWebhook(local, ['10.0.0.0/8'])).toEqual([]);
    expect(checkWebhook(local, [])).toEqual(['"url": the host is an address of a private network']);
    expect(check({ url: 'http://169.254.169.254/' })).toEqual(['"url": the host is a reserved or link-local address']);
  });
});
