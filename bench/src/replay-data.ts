import pg from 'pg';

/** How much is made: as many hosts and days as the measurement of replay wants. */
export const HOSTS = 500;
export const DAYS = 30;

const METRICS = ['cpu', 'memory', 'disk', 'temperature'] as const;
/** What replay does not read, and fills the rows all the same: values of the usual sizes. */
const others = {
  load1: '150',
  memory_used: '8000000000',
  swap_used: '1000000000',
  disk_used: '100000000000',
  disk_read_rate: '500000',
  disk_write_rate: '1500000',
  network_rx_rate: '1000000',
  network_tx_rate: '500000',
  connections: '45',
  processes: '210',
};
const ORDER =
  'cpu load1 memory memory_used swap_used disk disk_used disk_read_rate disk_write_rate network_rx_rate network_tx_rate connections processes temperature'.split(
    ' ',
  );
const isRead = (column: string): column is (typeof METRICS)[number] => (METRICS as readonly string[]).includes(column);
const columns = ORDER.flatMap((column) => ['avg', 'min', 'max'].map((end) => `${column}_${end}`)).join(', ');

/** One day in ten a figure of a host is in breach for 5 to 60 minutes, somewhere between trigger and beyond critical. */
const breach = (number: number): string =>
  `CASE WHEN r.r${number} % 10 = 0 AND minute BETWEEN (r.r${number} / 10) % 1380 AND (r.r${number} / 10) % 1380 + 4 + (r.r${number} / 13800) % 56
   THEN 8600 + (r.r${number} / 7) % 700 + 300 * noise ELSE ${number === 2 ? 'disk + 20 * noise' : '4000 + 1000 * noise'} END`;
const parts = [
  `(150 * noise)::integer`,
  `(300 * noise + 100)::integer`,
  `(10 * noise)::integer`,
  `(100 * noise)::integer`,
];

const minuteRow = ORDER.map((column) => {
  if (!isRead(column)) return `${others[column as keyof typeof others]}, 0, ${others[column as keyof typeof others]}`;
  const number = METRICS.indexOf(column);
  return `v.v${number}, v.v${number} - ${parts[number]}, v.v${number} + ${parts[number]}`;
}).join(', ');

/** A day of the 1-minute roll-up, in the order in which time makes it. Of 100 hosts one has a disk that is full all the time, five one that nearly is. */
const DAY = `INSERT INTO metrics.host_sample_1m_stored (resource_id, bucket, samples, ${columns})
  SELECT h, t, 12, ${minuteRow}
  FROM generate_series($1::timestamptz, $1::timestamptz + interval '1439 minutes', interval '1 minute') AS t
  CROSS JOIN generate_series(1, ${HOSTS}) AS h
  CROSS JOIN LATERAL (SELECT (date_part('epoch', t) / 60)::integer % 1440 AS minute, random() AS noise,
    CASE WHEN h % 100 = 7 THEN 8450 WHEN h % 20 = 3 THEN 7600 ELSE 3000 END AS disk) AS m
  CROSS JOIN LATERAL (SELECT ${METRICS.map((_, number) => `hashint4(h * 100003 + (date_part('epoch', t)::bigint / 86400)::integer * 4 + ${number}) & 2147483647 AS r${number}`).join(', ')}) AS r
  CROSS JOIN LATERAL (SELECT ${METRICS.map((_, number) => `(${breach(number)})::smallint AS v${number}`).join(', ')}) AS v
  WHERE t < $2::timestamptz`;

const coarserRow = ORDER.map((column) =>
  isRead(column)
    ? `avg(${column}_avg)::smallint, min(${column}_min), max(${column}_max)`
    : `${others[column as keyof typeof others]}, 0, ${others[column as keyof typeof others]}`,
).join(', ');
const rollUp = (grain: '5m' | '1h', from: '1m' | '5m', seconds: number): string =>
  `INSERT INTO metrics.host_sample_${grain}_stored (resource_id, bucket, samples, ${columns})
  SELECT resource_id, date_bin('${seconds} seconds', bucket, '2000-01-01 00:00:00+00'), ${seconds / 5}, ${coarserRow}
  FROM metrics.host_sample_${from}_stored
  WHERE bucket >= $1::timestamptz AND bucket < $1::timestamptz + interval '1 day' GROUP BY 2, 1 ORDER BY 2, 1`;

/** The hour that is not rolled up to hours yet, as it was taken: a sample each 5 s. */
const SAMPLES = `INSERT INTO metrics.host_sample (resource_id, time, seq, cpu, memory, disk, temperature, memory_used, uptime)
  SELECT h, t, row_number() OVER (PARTITION BY h ORDER BY t), 4000 + 1000 * random(), 4500, 3500, 4500, 8e9, 1e6
  FROM generate_series($1::timestamptz, $2::timestamptz, interval '5 seconds') AS t CROSS JOIN generate_series(1, ${HOSTS}) AS h`;

/** Makes days until none is left: two of these share them. */
async function fillDays(url: string, days: Date[], end: Date): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('SET synchronous_commit = off');
  let rows = 0;
  for (let day = days.shift(); day; day = days.shift()) {
    rows += (await client.query(DAY, [day, end])).rowCount ?? 0;
    await client.query(rollUp('5m', '1m', 300), [day]);
    await client.query(rollUp('1h', '5m', 3600), [day]);
  }
  await client.end();
  return rows;
}

/** Fills the roll-ups of a plain PostgreSQL up to `end`, a whole hour ago at least, and the samples since. Returns how many rows of minutes. */
export async function fill(url: string, end: Date): Promise<number> {
  const begin = new Date(end.getTime() - DAYS * 86_400_000);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `INSERT INTO metrics.resource (kind, agent_id, name) SELECT 'host', 'bench-' || h, '' FROM generate_series(1, ${HOSTS}) AS h ORDER BY h`,
  );
  for (const grain of ['1m', '5m', '1h'])
    await client.query(`SELECT lapwing.ensure_partitions($1, $2, now())`, [
      `metrics.host_sample_${grain}_stored`,
      begin,
    ]);
  await client.query(`SELECT lapwing.ensure_partitions('metrics.host_sample', $1, now())`, [end]);
  await client.query(`UPDATE lapwing.rollup SET watermark = $1`, [end]);
  const days = Array.from({ length: DAYS }, (_, day) => new Date(begin.getTime() + day * 86_400_000));
  const rows = (await Promise.all([fillDays(url, days, end), fillDays(url, days, end)])).reduce((a, b) => a + b);
  await client.query(SAMPLES, [end, new Date()]);
  await client.query('ANALYZE');
  await client.end();
  return rows;
}
