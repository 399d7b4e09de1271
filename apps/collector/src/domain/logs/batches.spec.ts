import type { LogEntry } from '@lapwing/contracts';
import { MAX_BATCH_BYTES, batchesOf, bytesOf } from './batches';

const entry = (message: string): LogEntry => ({
  time: 1,
  source: 'file',
  name: 'a',
  level: 'info',
  message,
  fields: {},
});

describe('batches of lines', () => {
  it('hold all lines in their order, at most 1000 and 400 kB each', () => {
    const many = Array.from({ length: 2500 }, (_, index) => entry(String(index)));
    const long = Array.from({ length: 60 }, (_, index) => entry(`${index} ${'\u20ac'.repeat(16_000)}`));
    for (const [entries, least] of [
      [many, 3],
      [long, 8],
    ] as const) {
      const batches = batchesOf(entries);
      expect(batches.flat()).toEqual(entries);
      expect(batches.length).toBeGreaterThanOrEqual(least);
      for (const batch of batches) {
        expect(batch.length).toBeLessThanOrEqual(1000);
        expect(bytesOf(batch)).toBeLessThanOrEqual(MAX_BATCH_BYTES + 1000);
      }
    }
    expect(batchesOf([])).toEqual([]);
  });
});
