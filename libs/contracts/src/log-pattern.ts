/** How large a pattern of a user may be, see {@link patternSize}: the longest line takes some milliseconds, however hostile pattern and line are. */
export const MAX_LOG_PATTERN_SIZE = 250;

/** An escape with all that belongs to it, quoted text, a class, a repetition, or any one sign. What it cannot read is one sign, and RE2's to refuse. */
const TOKENS =
  /\\(?:Q[\s\S]*?(?:\\E|$)|[pPx]\{[^}]*\}|x[0-9a-fA-F]{2}|[\s\S])|\[\^?\]?(?:\\[\s\S]|\[:[^\]]*:\]|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|[\s\S]/g;

/**
 * How many single characters a regular expression stands for, with its repetitions written out: what preparing it costs, and looking at each character
 * of a line. Linear in its length; what it cannot read counts as one.
 */
export function patternSize(pattern: string): number {
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
