import { inOrder, type TableShape } from './catalog';
import { BackupError, identifier } from './connection';

const table = (name: string, of?: string): TableShape => ({
  schema: 's',
  name,
  columns: [],
  ...(of !== undefined && { part: { of, bound: '' } }),
});
const names = (tables: TableShape[]): string[] => tables.map(({ name }) => name);

describe('the order of tables', () => {
  it('puts each after those that it refers to, and parts where the whole belongs', () => {
    const tables = [table('a'), table('b'), table('c'), table('d_1', 'd'), table('d_2', 'd')];
    const references = [
      { from: 's.a', to: 's.b' },
      { from: 's.b', to: 's.d' },
      { from: 's.c', to: 's.c' },
      { from: 's.c', to: 's.elsewhere' },
    ];
    expect(names(inOrder(tables, references))).toEqual(['c', 'd_1', 'd_2', 'b', 'a']);
  });

  it('refuses a circle instead of looking for ever', () => {
    const circle = [
      { from: 's.a', to: 's.b' },
      { from: 's.b', to: 's.a' },
    ];
    expect(() => inOrder([table('a'), table('b'), table('c')], circle)).toThrow('s.a, s.b');
  });
});

it.each(['a"; DROP TABLE x; --', 'A', '', 'a'.repeat(64), '1a', 'a b'])('takes no name like %j into SQL', (name) => {
  expect(() => identifier(name)).toThrow(BackupError);
});
