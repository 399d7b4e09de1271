import { sampleMessages } from '../sample';
import { emailProviders } from './providers';
import { renderEmail } from './render';
import { checkEmail, mailbox, type EmailDraft } from './settings';

const [firing, resolved, summary, bare] = sampleMessages();
if (!firing || !resolved || !summary || !bare) throw new Error('four samples');

describe('a mail', () => {
  it('says the same in text and in HTML, where values are no markup', () => {
    const { subject, text, html } = renderEmail(firing);
    expect(subject).toBe('[Lapwing] Critical: cpu of web "01"\\ <&> ä😀');
    expect(text).toContain('CRITICAL: CPU of web "01"\\ <&> ä😀 is at 95.2 %\n');
    expect(text).toContain('  Value: 95.2 % (threshold 90 %)\n');
    expect(text).toContain('\n\nhttps://lapwing.example\n');
    expect(html).toContain('CPU of web &quot;01&quot;\\ &lt;&amp;&gt; ä😀 is at 95.2 %');
    expect(html).toContain('<a href="https://lapwing.example">');
    expect(html).not.toContain('<&>');
  });

  it('has all alerts, and counts those that did not fit', () => {
    const { text, html } = renderEmail(summary);
    expect(text.match(/^(CRITICAL|RESOLVED|WARNING): /gm)).toEqual(['CRITICAL: ', 'RESOLVED: ', 'WARNING: ']);
    expect(text).toContain('Acknowledged: by anna');
    expect(html).toContain('and 9 more');
  });

  it('leaves out what nobody knows', () => {
    const { text } = renderEmail(bare);
    expect(text).not.toMatch(/Node|Kind|http/);
    expect(renderEmail({ ...firing, publicUrl: 'javascript:alert(1)' }).html).not.toContain('javascript');
    expect(renderEmail(resolved).text).toContain('  Lasts: 2m');
  });
});

describe('addresses', () => {
  it.each([
    ['a@b.example', { name: '', address: 'a@b.example' }],
    [' Lapwing <a@b> ', { name: 'Lapwing', address: 'a@b' }],
    ['"The Ops, Inc" <a.b+c@d-e.example>', { name: 'The Ops, Inc', address: 'a.b+c@d-e.example' }],
  ])('%s is one', (text, expected) => expect(mailbox(text)).toEqual(expected));
  it.each(['', 'a', 'a@', '@b', 'a@b, c@d', 'a@b\r\nBcc: c@d', 'x\r\ny <a@b>', '<a@b> c', 'a b@c', 'a@b@c'])(
    '%j is none',
    (text) => expect(mailbox(text)).toBeUndefined(),
  );
});

describe('settings', () => {
  const good: EmailDraft = {
    enabled: true,
    provider: 'Custom',
    server: 'mail.example',
    port: 587,
    username: 'u',
    password: 'p',
    from: 'a@b.example',
    to: ['c@d.example'],
    tls: false,
    startTLS: true,
  };
  it('are good when they are', () => expect(checkEmail(good)).toEqual([]));
  it('are good without readers: then mail goes to its sender, who must be one', () => {
    expect(checkEmail({ ...good, to: [] })).toEqual([]);
    expect(checkEmail({ ...good, to: [], from: '' })).toEqual(['"from" must be an address, e.g. lapwing@example.com']);
  });
  it.each<[EmailDraft, RegExp]>([
    [{ server: 'https://mail' }, /host name/],
    [{ server: '' }, /host name/],
    [{ port: 0 }, /too small/],
    [{ port: '25' }, /must be a number/],
    [{ from: 'a' }, /"from" must be an address/],
    [{ to: 'c@d.example' }, /must be a list/],
    [{ to: [''] }, /holds "", which is no address/],
    [{ to: ['x'] }, /holds "x", which is no address/],
    [{ tls: true }, /exclude each other/],
    [{ username: '' }, /"username" is required/],
  ])('with %j are refused', (changes, reason) => {
    const problems = checkEmail({ ...good, ...changes });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(reason);
  });
  it('have presets that are good', () => {
    for (const { name, smtpHost, smtpPort, tls, startTLS } of emailProviders) {
      const settings = { ...good, provider: name, server: smtpHost || 'mail.example', port: smtpPort, tls, startTLS };
      expect(checkEmail(settings)).toEqual([]);
    }
  });
});
