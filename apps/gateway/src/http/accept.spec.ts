import { prefersPage } from './accept';

describe('a page or JSON', () => {
  it.each([
    [undefined, false],
    ['*/*', false],
    ['application/json', false],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
    ['application/xhtml+xml, text/html', true],
    ['application/json, text/html', false],
    ['application/json;q=0.5, text/html', true],
    ['text/html;q=0', false],
    ['text/html;q=nonsense', false],
  ])('for %s', (accept, isPage) => expect(prefersPage(accept)).toBe(isPage));
});
