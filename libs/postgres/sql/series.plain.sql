-- Time series on plain PostgreSQL: native partitions by range of time, roll-up tables that are kept up to date, views that
-- take the newest part from the samples themselves, and dropped partitions. The functions have the same names and the
-- same results as those of series.timescale.sql.

CREATE TABLE IF NOT EXISTS lapwing.series (
  name text PRIMARY KEY,
  chunk interval NOT NULL,
  retention interval NOT NULL,
  time_column name NOT NULL
);

CREATE TABLE IF NOT EXISTS lapwing.partition (
  series text NOT NULL REFERENCES lapwing.series,
  starts timestamptz NOT NULL,
  ends timestamptz NOT NULL,
  PRIMARY KEY (series, starts)
);

-- A roll-up is complete up to its watermark; what came later than that waits in rollup_late.
CREATE TABLE IF NOT EXISTS lapwing.rollup (
  name text PRIMARY KEY,
  series text NOT NULL REFERENCES lapwing.series,
  width interval NOT NULL,
  metrics text[] NOT NULL,
  watermark timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS lapwing.rollup_late (
  rollup text NOT NULL,
  resource_id integer NOT NULL,
  bucket timestamptz NOT NULL,
  PRIMARY KEY (rollup, bucket, resource_id)
);

CREATE OR REPLACE FUNCTION lapwing.bucket(width interval, at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT date_bin(width, at, timestamptz '2000-01-01 00:00:00+00') $$;

-- Rows younger than this may still be on their way in a transaction that is not committed; roll-ups leave them alone.
CREATE OR REPLACE FUNCTION lapwing.settled() RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT now() - interval '2 minutes' $$;

CREATE OR REPLACE FUNCTION lapwing.watermark(rollup_name text) RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT watermark FROM lapwing.rollup WHERE name = rollup_name $$;

-- Makes the partitions that hold the time from one instant to another.
CREATE OR REPLACE FUNCTION lapwing.ensure_partitions(series_name text, from_time timestamptz, to_time timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  s lapwing.series;
  at timestamptz;
BEGIN
  SELECT * INTO STRICT s FROM lapwing.series WHERE name = series_name;
  at := lapwing.bucket(s.chunk, from_time);
  WHILE at <= to_time LOOP
    IF NOT EXISTS (SELECT FROM lapwing.partition p WHERE p.series = series_name AND p.starts = at) THEN
      PERFORM pg_advisory_xact_lock(hashtext('lapwing.partition'), hashtext(series_name));
      EXECUTE format('CREATE TABLE IF NOT EXISTS %s PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
        lapwing.partition_name(series_name, at), series_name, at, at + s.chunk);
      INSERT INTO lapwing.partition VALUES (series_name, at, at + s.chunk) ON CONFLICT DO NOTHING;
    END IF;
    at := at + s.chunk;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION lapwing.partition_name(series_name text, starts timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$ SELECT series_name || to_char(starts AT TIME ZONE 'UTC', '"_p"YYYYMMDDHH24') $$;

-- Turns an empty table with the key (resource_id, time) into a series.
CREATE OR REPLACE FUNCTION lapwing.make_series(series_name text, chunk interval, retention interval, time_column name DEFAULT 'time')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  bare text := split_part(series_name, '.', 2);
BEGIN
  EXECUTE format('ALTER TABLE %s RENAME TO %I', series_name, bare || '_columns');
  EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL) PARTITION BY RANGE (%I)', series_name, series_name || '_columns', time_column);
  EXECUTE format('DROP TABLE %s', series_name || '_columns');
  INSERT INTO lapwing.series VALUES (series_name, chunk, retention, time_column);
  PERFORM lapwing.ensure_partitions(series_name, now(), now() + 2 * chunk);
END $$;

-- Gives a series a roll-up of the name <series>_<suffix>: resource_id, bucket, samples, and three columns a metric.
CREATE OR REPLACE FUNCTION lapwing.make_rollup(series_name text, suffix text, width interval, metrics text[], chunk interval, retention interval)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  rollup text := series_name || '_' || suffix;
  stored text := rollup || '_stored';
  columns text := lapwing.rollup_columns(series_name::regclass, metrics);
BEGIN
  EXECUTE format('CREATE TABLE %s AS SELECT resource_id, time AS bucket, count(*)::integer AS samples, %s FROM %s GROUP BY 1, 2 WITH NO DATA',
    stored, columns, series_name);
  EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (resource_id, bucket)', stored);
  PERFORM lapwing.make_series(stored, chunk, retention, 'bucket');
  INSERT INTO lapwing.rollup VALUES (rollup, series_name, width, metrics, lapwing.bucket(width, lapwing.settled()));
  EXECUTE format(
    'CREATE VIEW %1$s AS
       SELECT * FROM %2$s WHERE bucket < lapwing.watermark(%1$L)
       UNION ALL
       SELECT resource_id, lapwing.bucket(%3$L, time) AS bucket, count(*)::integer AS samples, %4$s
       FROM %5$s WHERE time >= lapwing.watermark(%1$L) GROUP BY 1, 2',
    rollup, stored, width, columns, series_name);
END $$;

-- Remembers which roll-ups must be done again, because samples came after their time had been rolled up.
CREATE OR REPLACE FUNCTION lapwing.note_late(series_name text, resource_ids integer[], times timestamptz[]) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO lapwing.rollup_late
  SELECT DISTINCT r.name, l.resource_id, lapwing.bucket(r.width, l.at)
  FROM lapwing.rollup r, unnest(resource_ids, times) AS l (resource_id, at)
  WHERE r.series = series_name AND l.at < now() - interval '1 minute'
  ORDER BY 1, 3, 2
  -- A mark that is there already is locked until this transaction ends: a refresh that takes it waits, and sees these samples.
  ON CONFLICT (rollup, bucket, resource_id) DO UPDATE SET bucket = excluded.bucket
$$;

-- Moves a roll-up's watermark on, and does what came late again; in bounded pieces. Returns whether anything is left.
CREATE OR REPLACE FUNCTION lapwing.refresh_rollup(rollup_name text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  r lapwing.rollup;
  target timestamptz;
  upto timestamptz;
  late integer;
  assignments text;
BEGIN
  SELECT * INTO STRICT r FROM lapwing.rollup WHERE name = rollup_name FOR UPDATE;
  SELECT string_agg(format('%1$I = excluded.%1$I', a.attname), ', ') INTO assignments
  FROM pg_attribute a WHERE a.attrelid = (rollup_name || '_stored')::regclass AND a.attnum > 0
    AND a.attname NOT IN ('resource_id', 'bucket');
  target := lapwing.bucket(r.width, lapwing.settled());
  upto := least(target, r.watermark + 120 * r.width);
  IF upto > r.watermark THEN
    PERFORM lapwing.ensure_partitions(rollup_name || '_stored', r.watermark, upto);
    EXECUTE format(
      'INSERT INTO %s SELECT resource_id, lapwing.bucket($1, time), count(*)::integer, %s FROM %s
       WHERE time >= $2 AND time < $3 GROUP BY 1, 2 ON CONFLICT (resource_id, bucket) DO UPDATE SET %s',
      rollup_name || '_stored', lapwing.rollup_columns(r.series::regclass, r.metrics), r.series, assignments)
    USING r.width, r.watermark, upto;
    UPDATE lapwing.rollup SET watermark = upto WHERE name = rollup_name;
  END IF;

  CREATE TEMPORARY TABLE IF NOT EXISTS late_bucket (resource_id integer, bucket timestamptz) ON COMMIT DELETE ROWS;
  TRUNCATE late_bucket;
  WITH taken AS (
    DELETE FROM lapwing.rollup_late l WHERE (l.rollup, l.bucket, l.resource_id) IN (
      SELECT rollup, bucket, resource_id FROM lapwing.rollup_late WHERE rollup = rollup_name AND bucket < target
      ORDER BY bucket LIMIT 5000)
    RETURNING l.resource_id, l.bucket)
  INSERT INTO late_bucket SELECT * FROM taken;
  GET DIAGNOSTICS late = ROW_COUNT;
  IF late > 0 THEN
    PERFORM lapwing.ensure_partitions(rollup_name || '_stored', min(bucket), max(bucket)) FROM late_bucket;
    EXECUTE format(
      'INSERT INTO %1$s SELECT l.resource_id, l.bucket, s.* FROM late_bucket l CROSS JOIN LATERAL (
         SELECT %2$s FROM %3$s WHERE resource_id = l.resource_id AND time >= l.bucket AND time < l.bucket + $1
       ) s ON CONFLICT (resource_id, bucket) DO UPDATE SET %4$s',
      rollup_name || '_stored',
      'count(*)::integer AS samples, ' || lapwing.rollup_columns(r.series::regclass, r.metrics), r.series, assignments)
    USING r.width;
  END IF;
  RETURN upto < target OR late = 5000;
END $$;

-- Makes the partitions of the days to come and drops those that are past their retention. Returns how many were dropped.
CREATE OR REPLACE FUNCTION lapwing.maintain_partitions() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  s lapwing.series;
  p lapwing.partition;
  dropped integer := 0;
BEGIN
  FOR s IN SELECT * FROM lapwing.series LOOP
    PERFORM lapwing.ensure_partitions(s.name, now(), now() + 2 * s.chunk);
    FOR p IN SELECT * FROM lapwing.partition WHERE series = s.name AND ends < now() - s.retention LOOP
      EXECUTE format('DROP TABLE IF EXISTS %s', lapwing.partition_name(s.name, p.starts));
      DELETE FROM lapwing.partition WHERE series = s.name AND starts = p.starts;
      dropped := dropped + 1;
    END LOOP;
  END LOOP;
  RETURN dropped;
END $$;

-- Sets how long a series, or the stored part of a roll-up, is kept.
CREATE OR REPLACE FUNCTION lapwing.set_retention(series_name text, keep interval) RETURNS void
LANGUAGE sql AS $$
  UPDATE lapwing.series SET retention = keep WHERE name IN (series_name, series_name || '_stored') AND
    (name = series_name OR NOT EXISTS (SELECT FROM lapwing.series WHERE name = series_name))
$$;
