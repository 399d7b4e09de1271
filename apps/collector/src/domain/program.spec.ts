import {
  back,
  choose,
  confirm,
  filesOf,
  giveUp,
  onlyBase,
  parseState,
  tryOut,
  uncount,
  type ProgramState,
} from './program';

const file = (version: string) => ({ version, sha256: version.replaceAll('.', '').padStart(64, '0') });
const base = onlyBase('0.1.0');
const trial = tryOut(base, file('0.2.0'));
const kept = confirm(choose(trial, '0.1.0'));

describe('which program runs', () => {
  it('is what was installed, where nothing else was ever fetched', () => {
    expect(choose(undefined, '0.1.0')).toEqual(base);
    expect(filesOf(base)).toEqual([]);
  });

  it('is the one on trial, twice, and then the one before', () => {
    const first = choose(trial, '0.1.0');
    expect(first).toMatchObject({ current: { version: '0.2.0' }, trial: { starts: 1 } });
    const second = choose(first, '0.1.0');
    expect(second).toMatchObject({ current: { version: '0.2.0' }, trial: { starts: 2 } });
    expect(choose(second, '0.1.0')).toEqual({
      ...base,
      failed: { version: '0.2.0', reason: 'it ended 2 times before it had proved itself' },
    });
  });

  it('is the one that has proved itself, however often it is started', () => {
    let state = kept;
    for (let start = 0; start < 10; start++) state = choose(state, '0.1.0');
    expect(state).toMatchObject({ current: { version: '0.2.0' }, trial: null, previous: { version: '0.1.0' } });
  });

  it('does not count the starts of one that was stopped on purpose', () => {
    let state = trial;
    for (let start = 0; start < 10; start++) state = uncount(choose(state, '0.1.0'));
    expect(state).toEqual(trial);
  });

  it.each(['0.2.0', '0.2.1', '1.0.0'])('is what was installed anew: %s over 0.2.0', (version) => {
    expect(choose(kept, version)).toEqual(onlyBase(version));
    expect(choose(trial, version)).toEqual(onlyBase(version));
  });

  it('remembers why the last one was given up', () => {
    const failed = giveUp(trial, 'x'.repeat(400), '0.1.0');
    expect(failed.failed?.reason).toHaveLength(300);
    expect(choose(failed, '0.1.0')).toEqual(failed);
  });
});

describe('going back', () => {
  it('leads to the base, or to the file of before, and no further', () => {
    expect(back(kept, '0.1.0')).toEqual(base);
    const third = tryOut(kept, file('0.3.0'));
    expect(filesOf(third)).toEqual(
      [file('0.3.0'), file('0.2.0')].flatMap(({ sha256 }) => [`${sha256}.mjs`, `${sha256}.json`]),
    );
    const returned = giveUp(third, 'worse', '0.1.0');
    expect(returned).toMatchObject({ current: file('0.2.0'), previous: null, failed: { version: '0.3.0' } });
    expect(back(returned, '0.1.0')).toEqual(base);
  });
});

describe('a state on disk', () => {
  it.each<ProgramState>([base, trial, kept, giveUp(trial, 'worse', '0.1.0')])('is read as it was written', (state) => {
    expect(parseState(JSON.parse(JSON.stringify(state)))).toEqual(state);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a text', 'x'],
    ['nothing', {}],
    ['a path for a name', { ...kept, current: { version: '0.2.0', sha256: '../../etc/passwd' } }],
    ['no version', { ...kept, current: { version: 'x', sha256: null } }],
    ['an odd count', { ...kept, trial: { starts: -1 } }],
    ['an odd failure', { ...kept, failed: {} }],
  ])('that is %s is none', (_, value) => {
    expect(() => parseState(value)).toThrow(/^no /);
  });
});
