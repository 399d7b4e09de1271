/**
 * What a migration must not do while the version before may still run, or run again, on the same database: take away, rename, or narrow what that
 * version reads and writes. Source of the pattern: "expand and contract" (parallel change). What a text cannot tell, such as what a function does to
 * rows, is for whoever reviews it.
 */
const FORBIDDEN: [pattern: RegExp, what: string][] = [
  [/^DROP (?!INDEX|TRIGGER|POLICY|RULE|STATISTICS)/, 'drops what the version before uses'],
  [/^TRUNCATE\b/, 'empties a table'],
  [/(?<!\bON )\bDELETE\b(?! ?(,|ON|FOR|OR)\b)/, 'deletes rows'],
  [/\bSET SCHEMA\b/, 'renames'],
  [/^REVOKE\b/, 'takes rights away'],
  [/\bRENAME\b/, 'renames'],
];

/** What one action of ALTER TABLE must not do. */
const FORBIDDEN_ACTIONS: [pattern: RegExp, what: string][] = [
  [/^DROP (?!CONSTRAINT\b)/, 'drops a column'],
  [/^RENAME\b/, 'renames'],
  [/^ALTER (COLUMN )?\S+ (SET DATA )?TYPE\b/, 'changes the type of a column'],
  [/^ALTER (COLUMN )?\S+ SET NOT NULL\b/, 'demands values that the version before does not write'],
  [/^ALTER (COLUMN )?\S+ DROP DEFAULT\b/, 'demands values that the version before does not write'],
  [
    /^ADD (?!(CONSTRAINT|CHECK|PRIMARY|UNIQUE|FOREIGN|EXCLUDE)\b)(?!.*\bDEFAULT\b).*\bNOT NULL\b/,
    'adds a column that the version before does not fill',
  ],
  [/^ADD (CHECK|PRIMARY|UNIQUE|FOREIGN|EXCLUDE)\b/, 'narrows what may be written'],
];

/**
 * Why a migration is not expand-only, in words; undefined when it is, as far as its text tells.
 * @param sql the text of the file.
 */
export function expandOnlyProblem(sql: string): string | undefined {
  const statements = statementsOf(sql);
  const own: Own = {
    tables: namesIn(statements, /^CREATE (?:UNLOGGED )?TABLE (?!IF NOT EXISTS )([^\s(]+)/g),
    dropped: namesIn(statements, /\bDROP CONSTRAINT (?:IF EXISTS )?([^\s,]+)/g),
  };
  // What a block does may be put together from texts: whatever word of taking away is in it counts.
  if (doBlocks(sql).some((block) => TAKES_AWAY.test(block))) return 'takes something away in a DO block';
  for (const statement of statements) {
    const problem = first(FORBIDDEN, statement) ?? uniqueProblem(statement, own) ?? alterProblem(statement, own);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const TAKES_AWAY = /\b(DROP|TRUNCATE|DELETE|RENAME)\b|\bSET\s+NOT\s+NULL\b|\bTYPE\b/i;

/** Comments, and texts in any kind of quotes: found in one pass, since each may hold what looks like the beginning of another. */
const TOKENS =
  /--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|\b[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"/g;

/** The body of a function that a block makes: nothing of it is done now. */
const NESTED = /\$(\w+)\$[\s\S]*?\$\1\$/g;

function doBlocks(sql: string): string[] {
  const isBlock = ({ 0: text, index }: RegExpExecArray): boolean =>
    text.startsWith('$') && /\bDO\s+(LANGUAGE\s+\w+\s+)?$/i.test(sql.slice(Math.max(index - 100, 0), index));
  return [...sql.matchAll(TOKENS)].filter(isBlock).map((match) => match[0].slice(2, -2).replace(NESTED, ''));
}

/** What a migration makes, and takes away, itself. */
interface Own {
  tables: Set<string>;
  dropped: Set<string>;
}

function namesIn(statements: string[], pattern: RegExp): Set<string> {
  return new Set(statements.flatMap((one) => [...one.matchAll(pattern)].map((match) => match[1] ?? '')));
}

function uniqueProblem(statement: string, { tables }: Own): string | undefined {
  const table = /^CREATE UNIQUE INDEX .*?\bON (?:ONLY )?([^\s(]+)/.exec(statement)?.[1];
  return table === undefined || tables.has(table) ? undefined : 'demands that rows differ';
}

function alterProblem(statement: string, { tables, dropped }: Own): string | undefined {
  const [, table = '', actions] = /^ALTER TABLE (?:IF EXISTS )?(?:ONLY )?(\S+) (.*)$/.exec(statement) ?? [];
  if (actions === undefined || tables.has(table)) return undefined;
  for (const action of actionsOf(actions)) {
    const problem = first(FORBIDDEN_ACTIONS, action);
    if (problem !== undefined) return problem;
    const constraint = /^ADD CONSTRAINT ([^\s(]+)/.exec(action)?.[1];
    // One that takes the place of another under its name is how a list of allowed values grows.
    if (constraint !== undefined && !dropped.has(constraint)) return 'narrows what may be written';
  }
  return undefined;
}

function first(patterns: [RegExp, string][], text: string): string | undefined {
  return patterns.find(([pattern]) => pattern.test(text))?.[1];
}

/** Statements in upper case on one line each, without comments and texts. */
function statementsOf(sql: string): string[] {
  return sql
    .replace(TOKENS, (found) =>
      found.startsWith('"') ? found.replace(/[\s;,()]/g, '_') : /^(--|\/\*)/.test(found) ? ' ' : "''",
    )
    .split(';')
    .map((statement) => statement.replace(/\s+/g, ' ').trim().toUpperCase())
    .filter((statement) => statement !== '');
}

/** The actions of an ALTER TABLE: what commas outside of brackets part. */
function actionsOf(text: string): string[] {
  let depth = 0;
  const actions = [''];
  for (const sign of text) {
    if (sign === '(') depth++;
    if (sign === ')') depth--;
    if (sign === ',' && depth === 0) actions.push('');
    else actions[actions.length - 1] += sign;
  }
  return actions.map((action) => action.trim());
}
