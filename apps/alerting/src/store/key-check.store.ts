import type { Postgres } from '@lapwing/postgres';

/** The signature of the key with which this database was made; the given one when there is none yet. */
export async function keySignature(postgres: Postgres, signature: string): Promise<string> {
  await postgres.query(
    'key.note',
    'INSERT INTO alerting.key_check (id, signature) VALUES (1, $1) ON CONFLICT DO NOTHING',
    [signature],
  );
  const { rows } = await postgres.query<{ signature: string }>('key.check', 'SELECT signature FROM alerting.key_check');
  return rows[0]?.signature ?? signature;
}
