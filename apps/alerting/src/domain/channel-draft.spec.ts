import { originOf, shownFields, shownHeaders, STARS, targetOf, unmasked } from './channel-draft';

const wicked = (value: string) =>
  JSON.parse(`{"__proto__": "${value}", "constructor": "${value}"}`) as Record<string, string>;

describe('secrets', () => {
  it.each(['Authorization', 'X-API-Key', 'Cookie', 'X-Whatever', 'Content-Type-2', '__proto__'])(
    'in the header %s are stars',
    (name) => expect(shownHeaders({ [name]: 's3cret' })).toEqual({ [name]: STARS }),
  );
  it.each(['Content-Type', 'ACCEPT', 'title', 'Priority', 'X-Priority', 'Tags', 'Markdown'])(
    'are not in the header %s',
    (name) => expect(shownHeaders({ [name]: 'plain' })).toEqual({ [name]: 'plain' }),
  );
  it.each(['app_token', 'userKey', 'PASSWORD', 'client-secret', 'routing_key', 'oauth', 'username', 'credentials'])(
    'in the field %s are stars',
    (name) => expect(shownFields({ [name]: 's3cret' })).toEqual({ [name]: STARS }),
  );
  it.each(['severity', 'chat_id', 'topic', 'sound'])('are not in the field %s', (name) =>
    expect(shownFields({ [name]: 'plain' })).toEqual({ [name]: 'plain' }),
  );
  it('that are none have no stars', () => expect(shownFields({ token: '' })).toEqual({ token: '' }));

  it('stay when their stars come back, and change otherwise', () => {
    const kept = { Authorization: 'Bearer a', 'X-Key': 'b', Gone: 'c' };
    expect(unmasked({ Authorization: STARS, 'X-Key': 'new', Title: 't' }, kept)).toEqual({
      Authorization: 'Bearer a',
      'X-Key': 'new',
      Title: 't',
    });
    expect(unmasked(shownHeaders(kept), kept)).toEqual(kept);
  });
  it('that nobody kept are empty, whatever their names', () => {
    expect(unmasked({ New: STARS, toString: STARS }, {})).toEqual({ New: '', toString: '' });
    expect(Object.values(unmasked(wicked(STARS), {}))).toEqual(['', '']);
    expect(Object.values(unmasked(wicked(STARS), wicked('kept')))).toEqual(['kept', 'kept']);
  });
  it.each([
    ['https://hooks.example.org:8443/bot123:TOKEN/send?key=s3cret#s3cret', 'hooks.example.org:8443'],
    ['https://bob:s3cret@hooks.example.org:8443/bot123:TOKEN/send?key=s3cret#s3cret', ''],
    ['https://{{.CustomFields.s3cret}}.example.org/', ''],
    ['https://hooks.example.org/T/B/s3cret', 'hooks.example.org'],
    ['http://[fd00::1]/s3cret', '[fd00::1]'],
    ['not a URL with a s3cret', ''],
    ['', ''],
  ])('in %s are not shown', (url, expected) => expect(targetOf(url)).toBe(expected));
});

describe('where a URL leads', () => {
  it.each([
    ['https://hooks.example.org', 'https://hooks.example.org'],
    ['https://hooks.example.org/a/b', 'https://hooks.example.org'],
    ['HTTPS://Hooks.Example.Org/a', 'https://hooks.example.org'],
    ['http://hooks.example.org/', 'http://hooks.example.org'],
    ['https://hooks.example.org:443/', 'https://hooks.example.org'],
    ['http://hooks.example.org:80', 'http://hooks.example.org'],
    ['http://hooks.example.org:443/', 'http://hooks.example.org:443'],
    ['https://hooks.example.org:8443/x', 'https://hooks.example.org:8443'],
    ['http://[fd00::1]/s3cret', 'http://[fd00::1]'],
    ['http://[FD00:0::1]:8080?a', 'http://[fd00::1]:8080'],
    ['http://0x7f.1/', 'http://127.0.0.1'],
    ['https://hooks.example.org/{{.Level}}', 'https://hooks.example.org'],
    ['https://hooks.example.org?a={{.Level}}', 'https://hooks.example.org'],
    ['https://hooks.example.org#{{.Level}}', 'https://hooks.example.org'],
    ['https://hooks.example.org/a@b?c@d', 'https://hooks.example.org'],
  ])('%s: to %s', (url, expected) => expect(originOf(url)).toBe(expected));
  it.each([
    'https://bob@hooks.example.org/',
    'https://bob:s3cret@hooks.example.org/',
    'https://:@hooks.example.org/',
    'https://{{.Name}}@hooks.example.org/',
    'https://bob:{{.Name}}@hooks.example.org/',
    'https://{{.Name}}/',
    'https://{{.Name}}.example.org/',
    'https://hooks.{{.Name}}.org/',
    'https://hooks.example.org{{.Name}}',
    'https://hooks.example.org{{.Name}}/a',
    'https://hooks.example.org {{- .Name}}/a',
    'https://hooks.example.org:{{.Port}}/',
    'https://hooks.example.org:80{{.Port}}/',
    'https://[{{.Name}}]/',
    '{{.Scheme}}://hooks.example.org/',
    'http{{.S}}://hooks.example.org/',
    '{{.Url}}',
    'ftp://hooks.example.org/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    '//hooks.example.org/',
    'hooks.example.org',
    'https:hooks.example.org',
    'https:/hooks.example.org',
    String.raw`https:\\hooks.example.org`,
    String.raw`https://hooks.example.org\@evil.example/`,
    'https://hooks.example.org\t.evil.example/',
    'https://hooks.example.org\n/',
    ' https://hooks.example.org/',
    'https://hooks.example.org:99999/',
    'https://[fd00::1/',
    'https://',
    'https:///a',
    '',
  ])('%j: nobody can say', (url) => expect(originOf(url)).toBeUndefined());
});
