import type { Budget } from './budget.js';
import { isMap, kindOf, plain } from './values.js';

/** Whether a value counts as true: neither false, 0, "", nil, nor an empty list or map. */
export function truth(value: unknown, budget: Budget): boolean {
  const bare = plain(value);
  if (Array.isArray(bare)) return bare.length > 0;
  if (isMap(bare)) return budget.keysOf(bare).length > 0;
  return kindOf(bare) !== 'nil' && bare !== false && bare !== 0 && bare !== '';
}
