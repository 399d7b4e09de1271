import { createHash } from 'node:crypto';
import { BEGINNING, ChainWalk, canonicalJson, signedText, type AuditContent } from './audit-chain';

const sign = (text: string): string => createHash('sha256').update(text).digest('hex');

function chain(length: number): (AuditContent & { hash: string })[] {
  let previous = BEGINNING;
  return Array.from({ length }, (_, index) => {
    const entry: AuditContent = {
      id: index + 1,
      time: 1000 * index,
      type: 'user',
      action: 'created',
      target: `user ${index}`,
      user: 'admin',
      userId: null,
      address: '192.0.2.1',
      details: '{}',
    };
    previous = sign(signedText(previous, entry));
    return { ...entry, hash: previous };
  });
}

function firstFault(entries: (AuditContent & { hash: string })[]) {
  const walk = new ChainWalk(sign);
  for (const entry of entries) {
    const fault = walk.next(entry);
    if (fault) return fault.id;
  }
  return walk.end;
}

describe('the chain of the audit trail', () => {
  it('holds when nothing was done to it', () => {
    const entries = chain(5);
    expect(firstFault(entries)).toEqual({ id: 5, hash: entries[4]?.hash });
    expect(firstFault([])).toEqual({ id: 0, hash: BEGINNING });
  });

  it.each(['time', 'type', 'action', 'target', 'user', 'userId', 'address', 'details', 'hash'] as const)(
    'breaks where %s was edited',
    (field) => {
      const entries = chain(5);
      const edited = entries.map((entry) =>
        entry.id === 3 ? { ...entry, [field]: field === 'time' ? 1 : 'x' } : entry,
      );
      expect(firstFault(edited)).toBe(3);
    },
  );

  it('can be checked from behind an entry that was right', () => {
    const entries = chain(6);
    const from = (id: number) => {
      const walk = new ChainWalk(sign, { id, hash: entries[id - 1]?.hash ?? '' });
      return entries.slice(id).map((entry) => walk.next(entry)?.id);
    };
    expect(from(3)).toEqual([undefined, undefined, undefined]);
    const [, , third] = entries;
    if (third) third.hash = 'x'.repeat(64);
    expect(from(3)[0]).toBe(4);
  });

  it('breaks where an entry was removed, doubled or moved', () => {
    const [one, two, three, four] = chain(4) as [never, never, never, never];
    expect(firstFault([one, three, four])).toBe(2);
    expect(firstFault([one, two, two, three])).toBe(3);
    const [, second, third] = chain(4);
    if (!second || !third) throw new Error('no chain');
    expect(firstFault([one, { ...third, id: 2 }, { ...second, id: 3 }])).toBe(2);
  });

  it('cannot be cheated by moving text from one field to the next', () => {
    const [entry] = chain(1);
    if (!entry) throw new Error('no chain');
    const texts = [
      signedText(BEGINNING, { ...entry, target: 'a","b', user: 'c' }),
      signedText(BEGINNING, { ...entry, target: 'a', user: 'b","c' }),
    ];
    expect(texts[0]).not.toBe(texts[1]);
  });
});

describe('canonical JSON', () => {
  it('depends on the value alone', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined, A: true })).toBe(
      '{"A":true,"b":[1,{"c":"x","d":null}]}',
    );
    expect(canonicalJson({ b: 1, a: 2 })).toBe(canonicalJson({ a: 2, b: 1 }));
    expect(canonicalJson('\0\ud800')).toBe('"\\u0000\\ud800"');
  });
});
