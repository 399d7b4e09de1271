import { MatchersBody, toMatchersView } from './matchers.view';

describe('matchers', () => {
  it('go by both names, and are shown by that of this API', () => {
    const parsed = MatchersBody.parse([
      { name: 'resource_id', value: 'a' },
      { name: 'resourceType', op: '!=', value: 'b' },
      { name: 'level', value: 'critical' },
    ]);
    expect(parsed.map(({ name }) => name)).toEqual(['resourceId', 'resourceType', 'level']);
    expect(toMatchersView(parsed)).toEqual([
      { name: 'resource_id', op: '=', value: 'a' },
      { name: 'resource_type', op: '!=', value: 'b' },
      { name: 'level', op: '=', value: 'critical' },
    ]);
  });

  it.each([[[]], [[{ name: 'constructor', value: 'a' }]], [[{ name: 'level', value: 'a', more: 1 }]]])(
    'refuse %j',
    (wrong) => expect(MatchersBody.safeParse(wrong).success).toBe(false),
  );
});
