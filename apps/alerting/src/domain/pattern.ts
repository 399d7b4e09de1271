import { RE2JS } from 're2js';

/** What a pattern may become, in single characters to look for: more would take longer to prepare than anybody may wait. */
const MAX_SIZE = 10_000;

/**
 * What is wrong with a pattern in the syntax of RE2 (RE2's documentation, "Syntax"), in words; null when nothing is. Takes at most about 20 ms:
 * a pattern that repeats too much is refused before it is prepared.
 */
export function faultOfPattern(pattern: string): string | null {
  if (sizeOf(pattern) > MAX_SIZE) return 'it repeats too much';
  try {
    RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 300) : 'it cannot be read';
  }
}

/** An escape with all that belongs to it, quoted text, a class, a repetition, or any one sign. What it cannot read is one sign, and RE2's to refuse. */
const TOKENS =
  /\\(?:Q[\s\S]*?(?:\\E|$)|[pPx]\{[^}]*\}|x[0-9a-fA-F]{2}|[\s\S])|\[\^?\]?(?:\\[\s\S]|\[:[^\]]*:\]|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|[\s\S]/g;

/** How many single characters a pattern stands for, with its repetitions written out. */
function sizeOf(pattern: string): number {
  // Of each group that is open: what came before its last part, and that part.
  const groups = [{ before: 0, last: 0 }];
  for (const [token, least, most] of pattern.matchAll(TOKENS)) {
    const group = groups.at(-1) ?? { before: 0, last: 0 };
    if (least !== undefined) group.last *= Math.max(1, Number(least), Number(most ?? 0));
    else if (token === '(') groups.push({ before: 0, last: 0 });
    else if (token === ')' && groups.length > 1) {
      groups.pop();
      const outer = groups.at(-1);
      if (outer) Object.assign(outer, { before: outer.before + outer.last, last: group.before + group.last });
    } else if (!'*+?'.includes(token)) Object.assign(group, { before: group.before + group.last, last: 1 });
  }
  return groups.reduce((sum, { before, last }) => sum + before + last, 0);
}
