/**
 * What a migration must not do while the version before may still run, or run again, on the same database: take away, rename, or narrow what that
 * version reads and writes. Source of the pattern: "expand and contract" (parallel change).
 */
const FORBIDDEN: [pattern: RegExp, what: string][] = [
  [/\bDROP\s+(TABLE|SCHEMA|VIEW|MATERIALIZED\s+VIEW|SEQUENCE|TYPE|DOMAIN)\b/i, 'drops what the version before uses'],
  [/\bDROP\s+COLUMN\b/i, 'drops a column'],
  [/\bRENAME\b/i, 'renames'],
  [/\bALTER\s+(COLUMN\s+)?"?\w+"?\s+(SET\s+DATA\s+)?TYPE\b/i, 'changes the type of a column'],
  [/\bSET\s+NOT\s+NULL\b/i, 'demands values that the version before does not write'],
  [/\bTRUNCATE\b/i, 'empties a table'],
  [
    /\bADD\s+COLUMN\s+(IF\s+NOT\s+EXISTS\s+)?"?\w+"?\s+(?![^,;]*\bDEFAULT\b)[^,;]*\bNOT\s+NULL\b/i,
    'adds a column that the version before does not fill',
  ],
];

/**
 * Why a migration is not expand-only, in words; undefined when it is, as far as its text tells. What it creates itself it may also take away.
 * @param sql the text of the file.
 */
export function expandOnlyProblem(sql: string): string | undefined {
  const plain = sql
    .replace(/--[^\n]*/g, ' ')
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/'(?:[^']|'')*'/g, "''");
  return FORBIDDEN.find(([pattern]) => pattern.test(withoutOwn(plain)))?.[1];
}

/** Leaves out what a trigger function or a temporary table of the same file does: TRUNCATE in a trigger's condition is no truncation. */
function withoutOwn(sql: string): string {
  return sql
    .replace(/\bCREATE\s+(OR\s+REPLACE\s+)?TRIGGER\b[^;]*;/gi, ' ')
    .replace(/\bDROP\s+TABLE\s+(IF\s+EXISTS\s+)?pg_temp\.[^;]*;/gi, ' ');
}
