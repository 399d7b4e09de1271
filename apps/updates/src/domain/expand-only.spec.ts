import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expandOnlyProblem } from './expand-only';
import { serviceSchemas } from './schemas';

const apps = path.join(__dirname, '../../..');
const folders = readdirSync(apps).filter((app) => readdirSync(path.join(apps, app)).includes('migrations'));

describe('a migration that the version before can live with', () => {
  it.each([
    'CREATE TABLE fleet.thing (id text PRIMARY KEY, type text NOT NULL)',
    'ALTER TABLE fleet.thing ADD COLUMN note text',
    "ALTER TABLE fleet.thing ADD COLUMN note text NOT NULL DEFAULT 'none'",
    'ALTER TABLE fleet.thing DROP CONSTRAINT thing_check',
    'CREATE INDEX thing_type ON fleet.thing (type)',
    '-- DROP TABLE fleet.thing;\nSELECT 1',
    "INSERT INTO fleet.thing VALUES ('DROP TABLE x; RENAME', 'a')",
    'ALTER TABLE fleet.thing DROP CONSTRAINT thing_type, ADD CONSTRAINT thing_type CHECK (type IN (1, 2, 3))',
    'CREATE FUNCTION fleet.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM fleet.thing; END $$',
    'ALTER TABLE fleet.thing ADD note numeric(10, 2) NOT NULL DEFAULT 0, ADD COLUMN IF NOT EXISTS b integer',
    'DROP INDEX fleet.thing_type',
    'CREATE TABLE a.t (b integer REFERENCES a.b ON DELETE CASCADE)',
    'CREATE TRIGGER t BEFORE UPDATE OR DELETE ON a.t FOR EACH ROW EXECUTE FUNCTION f();',
    'CREATE TRIGGER t BEFORE TRUNCATE ON fleet.thing FOR EACH STATEMENT EXECUTE FUNCTION refuse();',
  ])('%s', (sql) => expect(expandOnlyProblem(sql)).toBeUndefined());

  it.each([
    ['DROP TABLE fleet.thing', 'drops what the version before uses'],
    ['drop   view fleet.thing_view', 'drops what the version before uses'],
    ['ALTER TABLE fleet.thing DROP COLUMN note', 'drops a column'],
    ['ALTER TABLE fleet.thing RENAME TO other', 'renames'],
    ['ALTER TABLE fleet.thing RENAME COLUMN a TO b', 'renames'],
    ['ALTER TABLE fleet.thing ALTER COLUMN note TYPE integer', 'changes the type of a column'],
    ['ALTER TABLE fleet.thing ALTER note SET DATA TYPE integer', 'changes the type of a column'],
    ['ALTER TABLE fleet.thing ALTER COLUMN note SET NOT NULL', 'demands values that the version before does not write'],
    ['ALTER TABLE fleet.thing ADD COLUMN note text NOT NULL', 'adds a column that the version before does not fill'],
    ['TRUNCATE fleet.thing', 'empties a table'],
    ['ALTER TABLE fleet.thing DROP note', 'drops a column'],
    ['ALTER TABLE fleet.thing DROP IF EXISTS note', 'drops a column'],
    ['ALTER TABLE fleet.thing ADD a integer, DROP note', 'drops a column'],
    ['ALTER TABLE fleet.thing ADD note int NOT NULL', 'adds a column that the version before does not fill'],
    [
      'ALTER TABLE fleet.thing ADD COLUMN x numeric(10, 2) NOT NULL',
      'adds a column that the version before does not fill',
    ],
    ['ALTER TABLE fleet.thing ADD CONSTRAINT positive CHECK (a > 0)', 'narrows what may be written'],
    ['ALTER TABLE fleet.thing ADD PRIMARY KEY (a)', 'narrows what may be written'],
    ['ALTER TABLE fleet.thing ALTER a DROP DEFAULT', 'demands values that the version before does not write'],
    ['CREATE UNIQUE INDEX thing_a ON fleet.thing (a)', 'demands that rows differ'],
    ['DROP FUNCTION fleet.f', 'drops what the version before uses'],
    ['DELETE FROM auth.user', 'deletes rows'],
    ["DO $$ BEGIN EXECUTE 'DROP TABLE x'; END $$", 'takes something away in a DO block'],
    ["INSERT INTO a VALUES ('--'); DROP TABLE x;", 'drops what the version before uses'],
    ["SELECT $q$it's$q$; DROP TABLE fleet.thing; SELECT 'x'", 'drops what the version before uses'],
    [String.raw`SELECT 'a' LIKE 'b' ESCAPE '\'; DROP TABLE a.t; SELECT 'x'`, 'drops what the version before uses'],
    [`SELECT a."it's"; DROP TABLE a.t; SELECT "it's"`, 'drops what the version before uses'],
    ['CREATE TABLE IF NOT EXISTS a.t (i int); ALTER TABLE a.t DROP COLUMN i', 'drops a column'],
    ['ALTER TABLE fleet.thing SET SCHEMA other', 'renames'],
    ['REVOKE SELECT ON fleet.thing FROM reader', 'takes rights away'],
    ['WITH gone AS (DELETE FROM a.t RETURNING i) SELECT 1', 'deletes rows'],
    ['/* -- */ ALTER TABLE fleet.thing DROP COLUMN note', 'drops a column'],
  ])('not %s', (sql, problem) => expect(expandOnlyProblem(sql)).toBe(problem));

  it.each(folders)('each of %s is one', (app) => {
    const folder = path.join(apps, app, 'migrations');
    for (const file of readdirSync(folder))
      expect([file, expandOnlyProblem(readFileSync(path.join(folder, file), 'utf8'))]).toEqual([file, undefined]);
  });

  it('is run for each service that has any', () =>
    expect(serviceSchemas.map(({ app }) => app as string).toSorted()).toEqual(folders.toSorted()));
});
