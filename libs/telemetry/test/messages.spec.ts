import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '../../..');
const sources = ['apps', 'libs'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /^[^/]+\/src\/.*(?<!\.spec)\.ts$/.test(file))
    .map((file) => path.join(folder, file)),
);

/** The calls that log a warning or worse, each with its last argument. */
function messagesOf(text: string): string[] {
  return [...text.matchAll(/log\.(?:warn|error|fatal)\(/g)].map(({ index, 0: call }) => {
    let depth = 1;
    let last = index + call.length;
    let at = last;
    for (; depth > 0 && at < text.length; at++) {
      const letter = text[at] ?? '';
      if ('([{'.includes(letter)) depth++;
      if (')]}'.includes(letter)) depth--;
      // One before the end of the call separates nothing.
      if (letter === ',' && depth === 1 && !/^\s*\)/.test(text.slice(at + 1, at + 40))) last = at + 1;
    }
    return text.slice(last, at - 1).trim();
  });
}

describe('messages of warnings and errors', () => {
  it('are found', () => {
    expect(sources.length).toBeGreaterThan(300);
    expect(messagesOf("log.warn({ a: f(1, 2) }, `x ${b}`); log.error(\n  { c },\n  'y',\n)")).toEqual([
      '`x ${b}`',
      "'y',",
    ]);
  });

  // Diagnostics show them: what varies stands in fields, which are not shown.
  it('are constants', () => {
    const varying = sources.flatMap((file) =>
      messagesOf(readFileSync(path.join(root, file), 'utf8'))
        .filter((message) => message.includes('${'))
        .map((message) => `${file}: ${message}`),
    );
    expect(varying).toEqual([]);
  });
});
