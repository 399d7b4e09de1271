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
    [{ url: 'https://a:b@receiver.example' }, /no user name/],
    [{ url: 'https://{{.Nope' }, /"url": line 1, column \d+/],
    [{ url: 'https://[{{.Level}}]/' }, /"url" must be a URL/],
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
