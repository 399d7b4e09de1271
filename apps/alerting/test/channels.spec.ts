import {
  MailServer,
  WebhookReceiver,
  makeCertificate,
  type Certificate,
  type MailServerOptions,
} from '@lapwing/testing';
import { createHmac } from 'node:crypto';
import PostalMime from 'postal-mime';
import { sendEmail, type EmailLimits } from '../src/channels/email/email';
import type { EmailSettings } from '../src/channels/email/settings';
import { sampleMessages } from '../src/channels/sample';
import type { Webhook } from '../src/channels/webhook-channel';
import { sendWebhook, type WebhookLimits } from '../src/channels/webhook';

const here = { networks: ['127.0.0.1/32'], deadlineMs: 5000 };
const [firing, , summary] = sampleMessages();
if (!firing || !summary) throw new Error('samples');

describe('a webhook', () => {
  let receiver: WebhookReceiver;

  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
  });
  beforeEach(() => {
    receiver.answer = {};
    receiver.requests.length = 0;
  });
  afterAll(() => receiver.stop());

  const webhook = (changes: Partial<Webhook> = {}): Webhook => ({
    id: 'w1',
    name: 'Ops',
    url: `${receiver.url}/secret-path?token=hidden`,
    method: 'POST',
    headers: { Authorization: 'Bearer x' },
    enabled: true,
    service: 'generic',
    template: null,
    customFields: {},
    secret: null,
    ...changes,
  });
  const tell = (changes: Partial<Webhook> = {}, limits: Partial<WebhookLimits> = {}, message = firing) =>
    sendWebhook(webhook(changes), message, { ...here, ...limits });

  it('tells, and says who tells what', async () => {
    receiver.answer = { status: 204 };
    expect(await tell()).toEqual({ status: 'sent', code: 204 });
    const { method, url, headers, body } = receiver.last;
    expect([method, url]).toEqual(['POST', '/secret-path?token=hidden']);
    expect(headers).toMatchObject({
      'user-agent': 'Lapwing',
      'idempotency-key': 'sample-firing',
      'x-lapwing-delivery': 'sample-firing',
      'content-type': 'application/json',
      authorization: 'Bearer x',
    });
    expect(headers['x-lapwing-signature']).toBeUndefined();
    expect(JSON.parse(body)).toMatchObject({ event: 'firing', messageId: 'sample-firing' });
  });

  it('signs what it tells with its secret', async () => {
    await tell({ secret: 'shared', method: 'PUT' });
    const { headers, body, method } = receiver.last;
    const at = headers['x-lapwing-timestamp'] ?? '';
    expect(method).toBe('PUT');
    expect(Math.abs(Number(at) - Date.now() / 1000)).toBeLessThan(10);
    const signature = createHmac('sha256', 'shared').update(`${at}.${body}`).digest('hex');
    expect(headers['x-lapwing-signature']).toBe(`v1=${signature}`);
  });

  it.each([
    [408, true],
    [425, true],
    [429, true],
    [500, true],
    [503, true],
    [400, false],
    [401, false],
    [404, false],
    [410, false],
  ])('that is answered with %d may go well later: %s', async (status, retryable) => {
    receiver.answer = { status, body: 'secrets of the receiver' };
    const reason = `the receiver answered with status ${status}`;
    expect(await tell()).toEqual({ status: 'failed', code: status, reason, retryable });
  });

  it('is told when to come back', async () => {
    receiver.answer = { status: 429, headers: { 'retry-after': '30' } };
    expect(await tell()).toMatchObject({ code: 429, retryable: true, retryAfterMs: 30_000 });
    receiver.answer = { status: 503, headers: { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() } };
    const outcome = await tell();
    expect(outcome).toMatchObject({ code: 503, retryable: true });
    expect((outcome as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(3_590_000);
  });

  it('that hangs, or is gone, may go well later', async () => {
    receiver.answer = { hang: 'answer' };
    const late = { status: 'failed', code: null, reason: 'the host takes too long', retryable: true };
    expect(await tell({}, { deadlineMs: 200 })).toEqual(late);
    receiver.answer = { hang: 'cut' };
    expect(await tell()).toMatchObject({ code: null, retryable: true });
    expect(await tell({ url: 'http://127.0.0.1:1/secret-path' })).toEqual({
      status: 'failed',
      code: null,
      reason: 'the host refuses the connection',
      retryable: true,
    });
  });

  it.each([
    'http://169.254.169.254/',
    'http://[::ffff:127.0.0.1]/',
    'http://0x7f.2/',
    'http://10.0.0.1/',
    'file:///etc/passwd',
  ])('to %s is never sent', async (url) => {
    expect(await tell({ url })).toMatchObject({ status: 'failed', code: null, retryable: false });
  });

  it('to a name that leads out and in is never sent, and neither are redirects elsewhere followed', async () => {
    const resolve: WebhookLimits['resolve'] = async () => [
      { address: '192.0.2.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ];
    expect(await tell({ url: 'http://both.example/' }, { resolve })).toMatchObject({ code: null, retryable: false });
    receiver.answer = { status: 307, headers: { location: 'http://127.0.0.1:1/' } };
    expect(await tell()).toMatchObject({ reason: 'the server redirects elsewhere', retryable: false });
  });

  it('that makes no JSON is not sent, and the reason says so', async () => {
    expect(await tell({ template: '{"a": {{.Message}}}' })).toEqual({
      status: 'failed',
      code: null,
      reason: expect.stringMatching(/^the template does not make valid JSON/),
      retryable: false,
    });
    expect(await tell({ template: '{{if}}' })).toMatchObject({ reason: expect.stringContaining('line 1, column') });
    expect(receiver.requests).toEqual([]);
  });

  it('of several requests is sent when all are, and each can be told again', async () => {
    const changes: Partial<Webhook> = { service: 'pagerduty', customFields: { routing_key: 'k' } };
    expect(await tell(changes, {}, summary)).toEqual({ status: 'sent', code: 200 });
    expect(receiver.requests.map(({ headers }) => headers['idempotency-key']).toSorted()).toEqual([
      'sample-summary',
      'sample-summary-1',
      'sample-summary-2',
    ]);
    receiver.answer = ({ body }) => ({ status: body.includes('ct-7-disk') ? 503 : 202 });
    expect(await tell(changes, {}, summary)).toMatchObject({ status: 'failed', code: 503, retryable: true });
  });

  it('tells ntfy with headers, and with a GET nothing but the URL', async () => {
    expect(await tell({ service: 'ntfy' })).toMatchObject({ status: 'sent' });
    expect(receiver.last.headers).toMatchObject({ priority: '5', tags: 'rotating_light' });
    expect(receiver.last.body).toContain('is at 95.2 %');
    await tell({ method: 'GET', url: `${receiver.url}/?text={{.Text}}` });
    expect(receiver.last).toMatchObject({ method: 'GET', body: '' });
    expect(new URL(receiver.last.url, receiver.url).searchParams.get('text')).toContain('is at 95.2 %');
  });
});

describe('mail', () => {
  let certificate: Certificate;
  let server: MailServer | undefined;

  beforeAll(async () => {
    certificate = await makeCertificate('mail');
  });
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  const start = async (options: MailServerOptions = {}) =>
    (server = await MailServer.start({ certificate, ...options }));
  const settings = (changes: Partial<EmailSettings> = {}): EmailSettings => ({
    enabled: true,
    provider: 'Custom',
    server: '127.0.0.1',
    port: server?.port ?? 1,
    username: '',
    password: '',
    from: 'Lapwing <lapwing@sender.example>',
    to: ['ada@reader.example', 'Bob <bob@reader.example>'],
    tls: false,
    startTLS: false,
    ...changes,
  });
  const tell = (changes: Partial<EmailSettings> = {}, limits: Partial<EmailLimits> = {}, message = firing) =>
    sendEmail(settings(changes), message, { ...here, ca: certificate.certificate, ...limits });

  it('goes to all readers at once, and says who tells what', async () => {
    const { mails } = await start();
    expect(await tell({}, { publicUrl: 'https://other.example' })).toEqual({ status: 'sent', code: 250 });
    expect(mails).toMatchObject([
      { from: 'lapwing@sender.example', to: ['ada@reader.example', 'bob@reader.example'], secure: false },
    ]);
    const mail = await PostalMime.parse(mails[0]?.raw ?? '');
    expect(mail.from).toEqual({ name: 'Lapwing', address: 'lapwing@sender.example' });
    expect(mail.to?.map(({ address }) => address)).toEqual(['ada@reader.example', 'bob@reader.example']);
    expect(mail.subject).toBe('[Lapwing] Critical: cpu of web "01"\\ <&> ä😀');
    expect(mail.messageId).toBe('<sample-firing@sender.example>');
    expect(mail.headers.find(({ key }) => key === 'x-lapwing-delivery')?.value).toBe('sample-firing');
    expect(mail.text).toContain('CPU of web "01"\\ <&> ä😀 is at 95.2 %');
    expect(mail.html).toContain('web &quot;01&quot;\\ &lt;&amp;&gt; ä😀');
    expect(mail.html).toContain('href="https://other.example"');
  });

  it('goes to its sender when no readers are named', async () => {
    const { mails } = await start();
    expect(await tell({ to: [] })).toEqual({ status: 'sent', code: 250 });
    expect(mails).toMatchObject([{ from: 'lapwing@sender.example', to: ['lapwing@sender.example'] }]);
    const mail = await PostalMime.parse(mails[0]?.raw ?? '');
    expect(mail.to).toEqual([{ name: 'Lapwing', address: 'lapwing@sender.example' }]);
    expect(await tell({ to: [], from: '' })).toMatchObject({ status: 'failed', retryable: false });
    expect(mails).toHaveLength(1);
  });

  it('has one subject, whatever is in a name', async () => {
    const { mails } = await start();
    const alerts = firing.alerts.map((alert) => ({ ...alert, resourceName: 'a\r\nBcc: eve@evil.example\r\n\r\nx' }));
    expect(await tell({}, {}, { ...firing, alerts })).toMatchObject({ status: 'sent' });
    const mail = await PostalMime.parse(mails[0]?.raw ?? '');
    expect(mail.subject).toBe('[Lapwing] Critical: cpu of a Bcc: eve@evil.example x');
    expect([mail.bcc, mails[0]?.to]).toEqual([undefined, ['ada@reader.example', 'bob@reader.example']]);
  });

  it.each(['start', 'always'] as const)('goes over TLS (%s), with who sends it', async (tls) => {
    const { mails } = await start({ tls, credentials: { username: 'u', password: 'p' } });
    const changes = { tls: tls === 'always', startTLS: tls === 'start', username: 'u', password: 'p' };
    expect(await tell(changes)).toEqual({ status: 'sent', code: 250 });
    expect(mails).toMatchObject([{ secure: true, user: 'u' }]);
    expect(await tell({ ...changes, password: 'wrong' })).toEqual({
      status: 'failed',
      code: 535,
      reason: 'the mail server does not accept the user name and the password',
      retryable: false,
    });
  });

  it('is checked against the name of the server, on an address that may be asked', async () => {
    const { mails } = await start({ tls: 'start' });
    const resolve: EmailLimits['resolve'] = async () => [{ address: '127.0.0.1', family: 4 }];
    expect(await tell({ server: 'localhost', startTLS: true }, { resolve })).toMatchObject({ status: 'sent' });
    const other = await tell({ server: 'other.example', startTLS: true }, { resolve });
    expect(other).toMatchObject({ code: null, reason: 'the certificate is not for this host', retryable: true });
    expect(mails).toHaveLength(1);
  });

  it('is not sent without TLS where it was asked for', async () => {
    const { mails } = await start();
    expect(await tell({ startTLS: true })).toMatchObject({ status: 'failed', reason: expect.stringContaining('TLS') });
    expect(mails).toEqual([]);
  });

  it('is not sent to a server whose certificate is of nobody', async () => {
    const { mails } = await start({ tls: 'always' });
    const { certificate: ca } = await makeCertificate('somebody else');
    expect(await tell({ tls: true }, { ca })).toMatchObject({ status: 'failed', code: null, retryable: true });
    expect(mails).toEqual([]);
  });

  it.each([
    ['sender', 451, true],
    ['sender', 550, false],
    ['recipient', 450, true],
    ['recipient', 550, false],
    ['data', 452, true],
    ['data', 554, false],
  ] as const)('refused at %s with %d may go well later: %s', async (stage, code, retryable) => {
    (await start()).refusal = { stage, code };
    const reason = `the mail server answered with code ${code}`;
    expect(await tell()).toEqual({ status: 'failed', code, reason, retryable });
  });

  it('is sent when one reader gets it, and not sent again for the others', async () => {
    const mailServer = await start();
    mailServer.refusal = { stage: 'recipient', code: 550, recipient: 'ada@reader.example' };
    expect(await tell()).toEqual({ status: 'sent', code: 250 });
    expect(mailServer.last.to).toEqual(['bob@reader.example']);
  });

  it('may go well later when the server hangs, or is gone', async () => {
    (await start()).silent = true;
    const late = { status: 'failed', code: null, reason: 'the mail server takes too long', retryable: true };
    expect(await tell({}, { deadlineMs: 300 })).toEqual(late);
    expect(await tell({ port: 1 })).toMatchObject({ reason: 'the host refuses the connection', retryable: true });
    expect(await tell({ server: 'nobody.invalid' })).toMatchObject({ code: null, retryable: true });
  });

  it.each(['169.254.169.254', '10.0.0.1', '::ffff:7f00:1', '127.0.0.2', '127.2', '2130706434'])(
    'is never sent to %s',
    async (forbidden) => {
      expect(await tell({ server: forbidden })).toMatchObject({ status: 'failed', code: null, retryable: false });
    },
  );

  it('waits no longer for one who is slow after the greeting', async () => {
    await start({ tls: 'always' });
    // The server waits for TLS, the client for a greeting.
    expect(await tell({}, { deadlineMs: 300 })).toMatchObject({ reason: 'the mail server takes too long' });
  });
});
