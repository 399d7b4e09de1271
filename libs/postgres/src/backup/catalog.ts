import type pg from 'pg';
import { BackupError } from './connection.js';

/** A table that holds rows. */
export interface TableShape {
  schema: string;
  name: string;
  /** Without those that PostgreSQL computes. */
  columns: string[];
  /** Of a partition: the table that it is part of, in the same schema, and which part, in PostgreSQL's own words. */
  part?: { of: string; bound: string };
}

/** A sequence, and where it stands. */
export interface SequenceState {
  schema: string;
  name: string;
  /** The number that was given last; null when none was. */
  last: string | null;
}

const TABLES = `
  SELECT n.nspname AS schema, c.relname AS name, p.relname AS "partOf", pg_get_expr(c.relpartbound, c.oid) AS bound,
    ARRAY(SELECT a.attname::text FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
  WHERE n.nspname = ANY ($1) AND c.relkind = 'r' ORDER BY 1, 2`;
const REFERENCES = `
  SELECT fn.nspname || '.' || f.relname AS "from", tn.nspname || '.' || t.relname AS "to"
  FROM pg_constraint k JOIN pg_class f ON f.oid = k.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
  JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
  WHERE k.contype = 'f' AND k.conrelid <> k.confrelid AND fn.nspname = ANY ($1)`;
const SEQUENCES = `
  SELECT schemaname AS schema, sequencename AS name, last_value::text AS last FROM pg_sequences
  WHERE schemaname = ANY ($1) ORDER BY 1, 2`;

/** All tables with rows of these schemas, each after those that it refers to. */
export async function tablesOf(client: pg.Client, schemas: readonly string[]): Promise<TableShape[]> {
  interface Found extends Omit<TableShape, 'part'> {
    partOf: string | null;
    bound: string | null;
  }
  const { rows } = await client.query<Found>(TABLES, [schemas]);
  const { rows: references } = await client.query<{ from: string; to: string }>(REFERENCES, [schemas]);
  const tables = rows.map(({ partOf, bound, ...table }) => ({
    ...table,
    ...(partOf !== null && bound !== null && { part: { of: partOf, bound } }),
  }));
  return inOrder(tables, references);
}

/**
 * Tables so that each comes after those that it refers to.
 * @throws BackupError for tables that refer to each other in a circle.
 */
export function inOrder<T extends TableShape>(tables: T[], references: { from: string; to: string }[]): T[] {
  const rootOf = ({ schema, name, part }: T): string => `${schema}.${part?.of ?? name}`;
  const left = new Map<string, T[]>();
  for (const table of tables) left.set(rootOf(table), [...(left.get(rootOf(table)) ?? []), table]);
  const ordered: T[] = [];
  while (left.size > 0) {
    const free = [...left.keys()].filter(
      (root) => !references.some(({ from, to }) => from === root && to !== root && left.has(to)),
    );
    if (free.length === 0) throw new BackupError(`these tables refer to each other: ${[...left.keys()].join(', ')}`);
    for (const root of free) {
      ordered.push(...(left.get(root) ?? []));
      left.delete(root);
    }
  }
  return ordered;
}

/** All sequences of these schemas. */
export async function sequencesOf(client: pg.Client, schemas: readonly string[]): Promise<SequenceState[]> {
  return (await client.query<SequenceState>(SEQUENCES, [schemas])).rows;
}

/** Which of these schemas the database has. */
export async function schemasIn(client: pg.Client, schemas: readonly string[]): Promise<string[]> {
  const text = 'SELECT nspname AS name FROM pg_namespace WHERE nspname = ANY ($1) ORDER BY 1';
  return (await client.query<{ name: string }>(text, [schemas])).rows.map(({ name }) => name);
}
