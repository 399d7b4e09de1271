import { Pages, jsonPieces, pagePieces } from './pieces';

async function textOf(pieces: AsyncGenerator<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}
async function* pages(...all: number[][]): AsyncGenerator<number[]> {
  yield* all;
}
const view = (n: number) => ({ n });

describe('lists that come in pages', () => {
  it.each([
    [[], '[]'],
    [[[]], '[]'],
    [[[], [1], [], [2, 3], []], '[{"n":1},{"n":2},{"n":3}]'],
  ])('%j are written as %s', async (all, expected) =>
    expect(await textOf(pagePieces(new Pages(pages(...all), view)))).toBe(expected),
  );

  it('stand among other fields', async () => {
    const many = Array.from({ length: 450 }, (_, index) => index);
    const text = await textOf(jsonPieces({ a: new Pages(pages(many, [1]), view), b: 2 }));
    expect(JSON.parse(text)).toEqual({ a: [...many, 1].map(view), b: 2 });
  });
});
