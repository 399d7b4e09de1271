import { WebhookReceiver, type ReceiverAnswer } from '@lapwing/testing';
import { LicenseServer } from '../src/services/license-server';

const KEY = 'ABCD-EFGH-JKMN-PQRS';
const EMAIL = 'ada@example.com';
const json = (value: unknown, status = 200): ReceiverAnswer => ({ status, body: JSON.stringify(value) });

describe('a licence server', () => {
  let receiver: WebhookReceiver;
  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
  });
  afterAll(() => receiver.stop());
  const ask = (answer: ReceiverAnswer, url = receiver.url, deadlineMs = 500) => {
    receiver.answer = answer;
    return new LicenseServer(url, undefined, deadlineMs).ask(EMAIL, KEY);
  };

  it('says until when', async () => {
    const answer = json({ valid: true, message: 'License validated', updatesExpireAt: '2027-01-31T00:00:00Z' });
    expect(await ask(answer)).toBe(Date.parse('2027-01-31T00:00:00Z'));
    expect(receiver.last.headers['authorization']).toBeUndefined();
  });

  it.each<[string, ReceiverAnswer]>([
    ['the words of the document', json({ success: false, error: 'Invalid license key' }, 401)],
    ['the code', json({ success: false, error: 'nein', code: 'INVALID_LICENSE' }, 401)],
    ['not valid', json({ valid: false })],
  ])('says no with %s', async (_, answer) => expect(await ask(answer)).toBeNull());

  it.each<[string, ReceiverAnswer, string]>([
    ['HTML', { body: '<!doctype html>' }, 'neither says yes nor no'],
    ['no date', json({ valid: true }), 'neither says yes nor no'],
    ['a date that is none', json({ valid: true, updatesExpireAt: 'soon' }), 'neither says yes nor no'],
    ['null', json(null), 'neither says yes nor no'],
    ['another 401', json({ error: 'log in', code: 'UNAUTHENTICATED' }, 401), 'is LICENSE_SERVER_TOKEN right?'],
    ['a 401 of a proxy', { status: 401, body: '<h1>401</h1>' }, 'is LICENSE_SERVER_TOKEN right?'],
    ['a limit', json({ code: 'RATE_LIMITED' }, 429), 'status 429'],
    ['a fault', { status: 500 }, 'status 500'],
    ['another place', { status: 302, headers: { location: 'https://example.com/' } }, 'redirects elsewhere'],
    ['nothing', { hang: 'answer' }, 'takes too long'],
    ['half of it', { hang: 'body', body: '{"valid":true' }, 'neither says yes nor no'],
    ['the end of the connection', { hang: 'cut' }, 'closed the connection'],
    [
      'more than it may',
      { body: '{"valid":true,"updatesExpireAt":"2027-01-31T00:00:00Z","x":"'.padEnd(2 ** 20) },
      'neither',
    ],
  ])('that answers with %s says nothing', async (_, answer, reason) => {
    const error = await ask(answer).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining(reason) as string });
    expect((error as Error).message).not.toContain(KEY);
  });

  it.each(['http://licenses.example.com/validate', 'http://10.0.0.1/validate', 'https://169.254.169.254/validate'])(
    'is not asked at %s',
    async (url) => {
      await expect(ask({}, url)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    },
  );
});
