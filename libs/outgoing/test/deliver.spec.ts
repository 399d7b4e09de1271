import { ConnectionError, OutgoingError, isNetwork, send, type SendOptions } from '@lapwing/outgoing';
import { WebhookReceiver, eventually, makeCertificate } from '@lapwing/testing';
import { forbiddenReason } from '../src/addresses';

const here = { networks: ['127.0.0.1/32'] };
const near: SendOptions = { method: 'POST', body: 'hello', reach: here, http: true, deadlineMs: 5000 };

describe('networks that an operator has listed', () => {
  const reach = {
    networks: ['10.1.0.0/16', 'fd12::/64', '192.168.1.7', '0.0.0.0/0', '::/0', 'nonsense', '10.0.0.0/99'],
  };
  it.each(['10.1.2.3', '192.168.1.7', 'fd12::9', '172.16.0.1', '8.8.8.8', '2606:4700::1111'])(
    '%s is asked',
    (address) => expect(forbiddenReason(address, reach)).toBeUndefined(),
  );

  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', '169.254.169.254', '224.0.0.1', 'fe80::1', 'fe80::1%eth0'])(
    '%s is not, even if everything is listed',
    (address) => expect(forbiddenReason(address, reach)).toBeDefined(),
  );

  it('are those alone', () => {
    expect(forbiddenReason('10.2.0.1', { networks: ['10.1.0.0/16'] })).toBe('an address of a private network');
    expect(forbiddenReason('10.1.0.1', { networks: [] })).toBe('an address of a private network');
    expect(forbiddenReason('169.254.169.254', { networks: ['169.254.169.254/32'] })).toBeDefined();
    expect(forbiddenReason('fd00:ec2::254', { networks: ['fd00::/8'] })).toBeDefined();
  });

  it('hold this machine where that is listed itself', () => {
    expect(forbiddenReason('127.0.0.1', here)).toBeUndefined();
    expect(forbiddenReason('127.0.0.2', here)).toBeDefined();
    expect(forbiddenReason('::1', { networks: ['::1'] })).toBeUndefined();
  });

  it.each(['10.0.0.0/8', '10.0.0.5', 'fd12::/64', '0.0.0.0/0'])('may be written as %s', (text) =>
    expect(isNetwork(text)).toBe(true),
  );
  it.each(['', '10.0.0.0/33', '10.0.0/8', 'fd12::/129', 'fe80::1%1/64', 'example.com', '10.0.0.0/8/8', '10.0.0.0/'])(
    'may not be written as %p',
    (text) => expect(isNetwork(text)).toBe(false),
  );
});

describe('sending', () => {
  let receiver: WebhookReceiver;
  const post = (path = '/', changes: Partial<SendOptions> = {}) => send(receiver.url + path, { ...near, ...changes });
  /** As if the name led to these addresses. */
  const leadsTo = (...addresses: string[]): Partial<SendOptions> => ({
    resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
  });
  const named = () => `http://receiver.example:${receiver.port}/`;

  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
  });
  beforeEach(() => {
    receiver.answer = {};
    receiver.requests.length = 0;
  });
  afterAll(() => receiver.stop());

  it('carries method, headers and body, and gives the answer', async () => {
    receiver.answer = { status: 202, body: 'thanks' };
    const answer = await post('/hook?a=1', { method: 'PUT', headers: { 'x-it': 'is' } });
    expect(answer).toEqual({ status: 202, retryAfterMs: undefined, text: 'thanks' });
    expect(receiver.last).toMatchObject({ method: 'PUT', url: '/hook?a=1', body: 'hello' });
    expect(receiver.last.headers).toMatchObject({ 'x-it': 'is', 'content-length': '5' });
  });

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:127.0.0.1]/',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://localhost/',
    'http://[::]/',
    'http://0/',
    'http://10.1.2.3/',
    'http://[fd00:ec2::254]/',
    'http://user@192.0.2.1/',
    'http://:secret@192.0.2.1/',
    'ftp://192.0.2.1/',
    'no URL',
  ])('refuses %s', async (url) => {
    const refusal: unknown = await send(url, { ...near, reach: { networks: [] } }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(OutgoingError);
    expect(refusal).not.toBeInstanceOf(ConnectionError);
  });

  it('refuses a name of which one address is forbidden, and dials the one that was looked at', async () => {
    await expect(send(named(), { ...near, ...leadsTo('192.0.2.1', '127.0.0.2') })).rejects.toThrow(
      /also has an address/,
    );
    const outside = { ...near, reach: 'public' as const };
    await expect(send(named(), { ...outside, ...leadsTo('192.0.2.1', '127.0.0.1') })).rejects.toThrow(/also has/);
    await expect(send(named(), { ...near, ...leadsTo('169.254.169.254') })).rejects.toThrow(/no address that may be/);
    await send(named(), { ...near, ...leadsTo('127.0.0.1') });
    expect(receiver.last.headers.host).toBe(`receiver.example:${receiver.port}`);
  });

  it('looks a name up anew for each request', async () => {
    const answers = ['127.0.0.1', '169.254.169.254'];
    const resolve: SendOptions['resolve'] = async () => [{ address: answers.shift() ?? '', family: 4 }];
    await send(named(), { ...near, resolve });
    await expect(send(named(), { ...near, resolve })).rejects.toThrow(OutgoingError);
    expect(receiver.requests).toHaveLength(1);
  });

  it.each([400, 404, 408, 429, 500, 503])('gives %d as an answer', async (status) => {
    receiver.answer = { status };
    expect(await post()).toMatchObject({ status });
  });

  it('tells when to come back', async () => {
    const after = async (text: string) => {
      receiver.answer = { status: 429, headers: { 'retry-after': text } };
      return (await post()).retryAfterMs;
    };
    expect(await after('7')).toBe(7000);
    const ms = await after(new Date(Date.now() + 60_000).toUTCString());
    expect(ms).toBeGreaterThan(55_000);
    expect(ms).toBeLessThanOrEqual(60_000);
    expect(await after('Wed, 21 Oct 2015 07:28:00 GMT')).toBe(0);
    expect(await after('99999999999999')).toBe(86_400_000);
    expect(await after('soon 2090')).toBeUndefined();
  });

  it('waits no longer than it may', async () => {
    receiver.answer = { hang: 'answer' };
    await expect(post('/', { deadlineMs: 200 })).rejects.toMatchObject({
      name: 'ConnectionError',
      message: 'the host takes too long',
    });
  });

  it('has an answer when its status is there, whatever becomes of the rest', async () => {
    receiver.answer = { status: 200, hang: 'body', body: 'begun' };
    expect(await post('/', { deadlineMs: 300 })).toMatchObject({ status: 200, text: 'begun' });
  });

  it('takes no more than it may, and goes away then', async () => {
    receiver.answer = { body: Buffer.alloc(10 * 2 ** 20, 'x') };
    expect((await post()).text).toHaveLength(65_536);
    expect((await post('/', { maxBytes: 10 })).text).toBe('xxxxxxxxxx');
    await eventually(() => receiver.connections === 0);
  });

  it('says what went wrong in words that tell nothing of the URL', async () => {
    receiver.answer = { hang: 'cut' };
    await expect(post('/secret?token=1')).rejects.toMatchObject({
      name: 'ConnectionError',
      message: 'the host closed the connection before it answered',
    });
    const closed = send('http://127.0.0.1:1/secret', near);
    await expect(closed).rejects.toMatchObject({ name: 'ConnectionError', message: 'the host refuses the connection' });
    const unknown = send('http://nobody.invalid/secret', near);
    await expect(unknown).rejects.toThrow(/^the name of the host (is not known|could not be looked up)$/);
    const noHttp = send(receiver.url.replace('http', 'https'), near);
    await expect(noHttp).rejects.toMatchObject({
      name: 'ConnectionError',
      message: 'the host does not speak TLS as it should',
    });
  });

  it('refuses headers that would be more than headers', async () => {
    const one = (name: string, value: string) => post('/', { headers: { [name]: value } });
    await expect(one('x', 'a\r\nhost: other')).rejects.toThrow(/printable ASCII/);
    await expect(one('x', 'ä')).rejects.toThrow(/printable ASCII/);
    await expect(one('x\r\ny', 'a')).rejects.toThrow(/name of a header/);
    for (const name of ['Host', 'content-length', 'Transfer-Encoding', 'connection'])
      await expect(one(name, '1')).rejects.toThrow(/cannot be set/);
    expect(receiver.requests).toEqual([]);
  });
});

describe('redirects', () => {
  let receiver: WebhookReceiver;
  let other: WebhookReceiver;

  beforeAll(async () => {
    [receiver, other] = await Promise.all([WebhookReceiver.start(), WebhookReceiver.start()]);
  });
  afterAll(() => {
    receiver.stop();
    other.stop();
  });
  beforeEach(() => (receiver.requests.length = 0));

  const redirect = (status: number, location: string, method = 'POST') => {
    receiver.answer = ({ url }) => (url === '/' ? { status, headers: { location } } : { body: 'arrived' });
    return send(receiver.url, { ...near, method });
  };

  it.each([
    [307, 'POST'],
    [308, 'POST'],
    [301, 'GET'],
    [302, 'GET'],
    [303, 'GET'],
  ])('%d is followed for %s within the origin, and the same is sent again', async (status, method) => {
    expect(await redirect(status, '/there', method)).toMatchObject({ status: 200, text: 'arrived' });
    expect(receiver.last).toMatchObject({ method, url: '/there', body: 'hello' });
  });

  it.each([
    [302, '/there'],
    [303, '/there'],
    [300, '/there'],
    [307, 'http://169.254.169.254/'],
    [307, '//192.0.2.1/'],
    [307, 'http://localhost/'],
    [307, 'https://127.0.0.1/'],
  ])('%d to %s is refused', async (status, location) => {
    await expect(redirect(status, location)).rejects.toMatchObject({
      name: 'OutgoingError',
      message: 'the server redirects elsewhere',
    });
    expect(receiver.requests).toHaveLength(1);
  });

  it('to another receiver are refused, and it hears nothing', async () => {
    await expect(redirect(307, other.url)).rejects.toMatchObject({
      name: 'OutgoingError',
      message: 'the server redirects elsewhere',
    });
    expect(other.requests).toEqual([]);
  });

  it('without an end are ended', async () => {
    receiver.answer = { status: 307, headers: { location: '/again' } };
    await expect(send(receiver.url, near)).rejects.toMatchObject({
      name: 'OutgoingError',
      message: 'the server redirects too often',
    });
    expect(receiver.requests).toHaveLength(4);
  });
});

describe('certificates', () => {
  it('must be of a known authority, and for the host', async () => {
    const certificate = await makeCertificate('receiver');
    const receiver = await WebhookReceiver.start(certificate);
    const ca = certificate.certificate;
    const resolve: SendOptions['resolve'] = async () => [{ address: '127.0.0.1', family: 4 }];
    try {
      await expect(send(receiver.url, near)).rejects.toThrow(/certificate of the host is not trusted/);
      expect(await send(receiver.url, { ...near, ca })).toMatchObject({ status: 200 });
      expect(await send(`https://localhost:${receiver.port}`, { ...near, ca, resolve })).toMatchObject({ status: 200 });
      const wrong = send(`https://other.example:${receiver.port}`, { ...near, ca, resolve });
      await expect(wrong).rejects.toMatchObject({
        name: 'ConnectionError',
        message: 'the certificate is not for this host',
      });
    } finally {
      receiver.stop();
    }
  });
});
