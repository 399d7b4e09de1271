import { LapwingError, defaultSystemSettings } from '@lapwing/contracts';
import { DocumentReader, linesOf, systemOf, tunable, type ExportDocument } from './export-document';

const about = { exportedAt: '2026-01-02T03:04:05.678Z', from: '0.1.0', sections: { nodes: 2, webhooks: 0 } };
const system = tunable(defaultSystemSettings);

function read(...lines: unknown[]): ExportDocument {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  const reader = new DocumentReader();
  for (const line of linesOf(Buffer.from(text))) reader.take(line);
  return reader.end();
}

function refusalOf(work: () => unknown): unknown[] {
  try {
    work();
  } catch (error) {
    if (error instanceof LapwingError) return [error.code, error.details['section'], error.details['field']];
  }
  return [];
}

describe('what an exported configuration holds', () => {
  it('is put together from its pieces; a section without entries is in it, too', () => {
    const part = (...entries: unknown[]) => ({ section: 'nodes', entries });
    const { counts, parts } = read(about, part({ id: 'a' }), part({ id: 'b' }));
    expect(counts).toEqual({ nodes: 2, webhooks: 0 });
    expect(parts).toEqual([part({ id: 'a' }), part({ id: 'b' }), { section: 'webhooks', entries: [] }]);
  });

  it.each<[string, unknown[], string, string]>([
    ['nothing', [], 'document', ''],
    ['no JSON', [about, '{"section"'], 'document', '1'],
    ['no first line', [{ section: 'nodes', entries: [] }], 'document', 'exportedAt'],
    ['fewer entries than it says', [about, { section: 'nodes', entries: [1] }], 'nodes', ''],
    ['a section that its first line does not name', [about, { section: 'email', entries: [1] }], 'email', ''],
    ['a section that nobody knows', [{ ...about, sections: { users: 1 } }], 'users', ''],
    ['a piece without entries', [about, { section: 'nodes' }], 'nodes', 'entries'],
    ['a piece of nothing', [about, { entries: [] }], 'document', 'section'],
    [
      'lines without an end',
      [about, ...Array<string>(1000).fill('{"section":"nodes","entries":[]}')],
      'document',
      '1000',
    ],
    ['a line without an end', [about, `"${'x'.repeat(2 ** 21)}"`], 'document', '1'],
  ])('is refused with %s', (_, lines, section, field) => {
    expect(refusalOf(() => read(...lines))).toEqual(['INVALID_INPUT', section, field]);
  });

  it('has the settings as people set them, without the revision and the environment', () => {
    expect(system).not.toHaveProperty('revision');
    expect(system).not.toHaveProperty('overridden');
    const one = { ...about, sections: { system: 1 } };
    expect(systemOf(read(one, { section: 'system', entries: [system] }))).toEqual(system);
    expect(systemOf(read({ ...about, sections: {} }))).toBeUndefined();
    const faults = [
      [{ ...system, refreshInterval: 0 }, '0.refreshInterval'],
      [{ ...system, password: 'x' }, '0'],
    ] as const;
    for (const [entry, field] of faults)
      expect(refusalOf(() => systemOf(read(one, { section: 'system', entries: [entry] })))).toEqual([
        'INVALID_INPUT',
        'system',
        field,
      ]);
  });
});
