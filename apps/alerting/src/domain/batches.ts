import type { Change } from './engine.js';

/**
 * The same changes, in the same order, in batches in which no alert comes twice, and which leave room for other work between them.
 * @param most as many changes a batch has at most.
 */
export function batchesOf(changes: readonly Change[], most: number): Change[][] {
  const all: Change[][] = [];
  let ids = new Set<string>();
  for (const change of changes) {
    const current = all.at(-1);
    if (current && current.length < most && !ids.has(change.alertId)) {
      current.push(change);
      ids.add(change.alertId);
    } else {
      all.push([change]);
      ids = new Set([change.alertId]);
    }
  }
  return all;
}
