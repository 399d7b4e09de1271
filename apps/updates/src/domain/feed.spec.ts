import { Feed, feedProblem } from './feed';

const sum = 'ab'.repeat(32);
const feed = (changes: Partial<Feed> = {}): Feed => ({
  schema: 1,
  channel: 'stable',
  sequence: 7,
  issuedAt: '2026-03-01T00:00:00Z',
  expiresAt: '2026-06-01T00:00:00Z',
  releases: [],
  ...changes,
});
const now = Date.parse('2026-04-01T00:00:00Z');
const seen = { sequence: 7, digest: 'same', issuedAt: Date.parse('2026-03-01T00:00:00Z') };
const problem = (
  changes: Partial<Feed> = {},
  given: Partial<Parameters<typeof feedProblem>[2]> = {},
  digest = 'same',
) => feedProblem(feed(changes), digest, { channel: 'stable', seen, now, ...given });

describe('a feed whose signature is good', () => {
  it('is believed the first time, again, and when it is newer', () => {
    expect(problem({}, { seen: undefined })).toBeUndefined();
    expect(problem()).toBeUndefined();
    expect(problem({ sequence: 8 }, {}, 'other')).toBeUndefined();
  });

  it('is not believed when it is of another channel', () => expect(problem({ channel: 'rc' })).toContain('"rc"'));
  it('is not believed when it is older than one that was seen', () =>
    expect(problem({ sequence: 6 })).toBe('the feed is number 6, older than number 7 that was seen before'));
  it('is not believed when there are two of one number', () =>
    expect(problem({}, {}, 'other')).toBe('there are two feeds of number 7'));
  it('is not believed when its time goes back', () =>
    expect(problem({ sequence: 8, issuedAt: '2026-02-28T00:00:00Z' }, {}, 'other')).toContain('issued before'));
  it('is not believed when it has expired', () =>
    expect(problem({ expiresAt: '2026-04-01T00:00:00Z' })).toBe('the feed has expired at 2026-04-01T00:00:00Z'));
  it('is not believed when it comes from the future, or leaves no room for others', () => {
    expect(problem({ issuedAt: '2026-05-01T00:00:00Z' }, { seen: undefined })).toContain('still to come');
    expect(problem({ sequence: 2 ** 52 }, {}, 'other')).toContain('nothing could follow it');
  });
  it('has expired although a clock was set back before it was issued', () =>
    expect(problem({ expiresAt: '2026-02-01T00:00:00Z' }, { now: 0 })).toContain('expired'));
});

describe('the form of a feed', () => {
  const release = {
    version: '1.2.3',
    platform: 'linux-x64',
    releasedAt: '2026-03-01T00:00:00Z',
    notes: '',
    file: 'lapwing-1.2.3-linux-x64.tar.gz',
    size: 10,
    sha256: sum,
    sbom: { file: 'sbom.json', sha256: sum },
  };
  const read = (changes: object) => Feed.safeParse(feed({ releases: [{ ...release, ...changes }] as never })).success;

  it('names files beside it', () => expect(read({})).toBe(true));
  it.each([
    '../a.tar.gz',
    '/a.tar.gz',
    'https://elsewhere/a.tar.gz',
    'a/b.tar.gz',
    '..',
    '.a',
    '',
    'a b',
    'a%2fb',
    'a?b',
  ])('names nothing elsewhere: %j', (file) => expect(read({ file })).toBe(false));
  it.each(['v1.2.3', '1.2', '01.2.3', '1.2.3+build', '1.2.3;reboot', '1.2.3-$(reboot)', "1.2.3'"])(
    'has versions that are nothing else: %j',
    (version) => expect(read({ version })).toBe(false),
  );
});
