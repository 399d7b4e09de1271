import { cleanLogName, cleanLogText } from '../src/log-text';

describe('the text of a log', () => {
  it.each([
    ['plain, with ümläuts and 🦆', 'plain, with ümläuts and 🦆'],
    ['\u001B[1;31mred\u001B[0m', 'red'],
    ['\u009B31mred', 'red'],
    ['\u001B]0;a title\u0007rest', 'rest'],
    ['\u001B]8;;http://evil\u001B\\link\u001B]8;;\u001B\\', 'link'],
    ['\u001B]52;c;Y2xpcA==', ''],
    ['\u001B(Bcharset \u001B=keys', 'charset keys'],
    ['10 %\r20 %\r30 %', '10 % 20 % 30 %'],
    ['one\r\ntwo\r\r\nthree', 'one\ntwo\nthree'],
    ['tab\tline\nfeed', 'tab\tline\nfeed'],
    ['nul\u0000 bell\u0007 del\u007F', 'nul\uFFFD bell\uFFFD del\uFFFD'],
    ['turned \u202Etxt.exe', 'turned \uFFFDtxt.exe'],
    ['half \uD83E a pair', 'half \uFFFD a pair'],
    ['line\u2028separator', 'line separator'],
  ])('%j becomes %j', (text, expected) => expect(cleanLogText(text)).toBe(expected));
  it('stays as it is when it is clean already', () => {
    for (const text of ['\u001B\u001B[[0m', '\u001B]\u001B]\u001B[', 'a\u001B[31\u001B[31mm'])
      expect(cleanLogText(cleanLogText(text))).toBe(cleanLogText(text));
  });
  it('takes time in proportion to its length', () => {
    for (const piece of ['\u001B]', '\u001B[0', '\u001B ', '\r'])
      expect(cleanLogText(piece.repeat(500_000)).length).toBeLessThan(1_000_001);
  });
  it('of a name stands on one line', () => expect(cleanLogName('a\nb\tc\r\nd')).toBe('a b c d'));
});
