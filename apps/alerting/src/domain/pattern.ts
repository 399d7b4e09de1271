import { MAX_LOG_PATTERN_SIZE, patternSize } from '@lapwing/contracts';
import { RE2JS } from 're2js';

/**
 * What is wrong with a pattern in the syntax of RE2 (RE2's documentation, "Syntax"), in words; null when nothing is. A pattern that repeats too much is
 * refused before it is prepared.
 */
export function faultOfPattern(pattern: string): string | null {
  if (patternSize(pattern) > MAX_LOG_PATTERN_SIZE) return 'it repeats too much';
  try {
    RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 300) : 'it cannot be read';
  }
}
