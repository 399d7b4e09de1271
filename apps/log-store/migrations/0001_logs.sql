-- NOTICE: where TimescaleDB is there, logs.entry is a hypertable; elsewhere it has partitions by time that are cut by size. The functions
-- below have the same names and meanings on both, so that the service need not know which it is.

-- Where lines come from.
CREATE TABLE logs.stream (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  agent_id text NOT NULL,
  source text NOT NULL,
  name text NOT NULL,
  -- The time of its newest line.
  last_at timestamptz,
  UNIQUE (agent_id, source, name)
) WITH (fillfactor = 70);

-- Outboxes of agents, and when something of them came last.
CREATE TABLE logs.outbox (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  agent_id text NOT NULL,
  outbox text NOT NULL,
  heard_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (agent_id, outbox)
);

-- Which batches are stored: runs of numbers, both ends included. A batch comes as a run of one; maintenance joins neighbours.
CREATE TABLE logs.batch (
  outbox_id integer NOT NULL REFERENCES logs.outbox ON DELETE CASCADE,
  seq bigint NOT NULL,
  upto bigint NOT NULL,
  PRIMARY KEY (outbox_id, seq)
);

-- How many lines there are, by minute, stream and level: as true as the lines, because it changes in the same transactions.
CREATE TABLE logs.volume (
  minute timestamptz NOT NULL,
  stream_id integer NOT NULL,
  level smallint NOT NULL,
  lines integer NOT NULL,
  PRIMARY KEY (minute, stream_id, level)
) WITH (fillfactor = 70);
CREATE INDEX volume_stream ON logs.volume (stream_id, minute);

-- Partitions of logs.entry; on TimescaleDB it stays empty. The newest ends at infinity.
CREATE TABLE logs.partition (
  id integer PRIMARY KEY,
  name text GENERATED ALWAYS AS ('entry_' || id::text) STORED,
  starts timestamptz NOT NULL,
  ends timestamptz NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT now()
);

-- Text as it is compared: in lower case. A database whose locale is C folds ASCII alone; PostgreSQL 17 and later know better by themselves.
DO $$
BEGIN
  EXECUTE format(
    'CREATE FUNCTION logs.folded(message text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $f$ SELECT lower(message COLLATE %s) $f$',
    CASE WHEN current_setting('server_version_num')::integer >= 170000 AND getdatabaseencoding() = 'UTF8'
      AND EXISTS (SELECT FROM pg_database WHERE datname = current_database() AND datcollate IN ('C', 'POSIX') AND datctype IN ('C', 'POSIX'))
    THEN 'pg_catalog.pg_c_utf8' ELSE 'pg_catalog."default"' END);
END $$;

DO $$
DECLARE
  mode text := (SELECT m.mode FROM lapwing.mode m);
BEGIN
  EXECUTE 'CREATE TABLE logs.entry (
    time timestamptz NOT NULL,
    seq bigint NOT NULL,
    stream_id integer NOT NULL,
    line smallint NOT NULL,
    level smallint NOT NULL,
    message text NOT NULL,
    fields jsonb
  )' || CASE mode WHEN 'plain' THEN ' PARTITION BY RANGE (time)' ELSE '' END;
  IF mode = 'timescale' THEN
    PERFORM create_hypertable('logs.entry'::regclass, by_range('time', interval '6 hours'), create_default_indexes => false);
  END IF;
END $$;
CREATE INDEX entry_time ON logs.entry (time, seq, line, stream_id);
CREATE INDEX entry_stream ON logs.entry (stream_id, time);

DO $$
BEGIN
  IF (SELECT m.mode FROM lapwing.mode m) = 'timescale' THEN
    ALTER TABLE logs.entry SET (timescaledb.compress, timescaledb.compress_segmentby = 'stream_id',
      timescaledb.compress_orderby = 'time DESC, seq DESC, line DESC');
    PERFORM add_compression_policy('logs.entry'::regclass, compress_after => interval '3 days');

    -- Stretches of time that are searched apart, and whether they have text indexes.
    CREATE FUNCTION logs.segments() RETURNS TABLE (starts timestamptz, ends timestamptz, indexed boolean) LANGUAGE sql STABLE AS $f$
      SELECT c.range_start, c.range_end, NOT c.is_compressed FROM timescaledb_information.chunks c
      WHERE c.hypertable_schema = 'logs' AND c.hypertable_name = 'entry'
    $f$;

    -- Lines before this instant are not stored.
    CREATE FUNCTION logs.floor() RETURNS timestamptz LANGUAGE sql STABLE AS $f$ SELECT timestamptz '-infinity' $f$;
  ELSE
    CREATE FUNCTION logs.segments() RETURNS TABLE (starts timestamptz, ends timestamptz, indexed boolean) LANGUAGE sql STABLE AS $f$
      SELECT p.starts, p.ends, 2 = (
        SELECT count(*) FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid AND i.indisvalid
        WHERE c.relnamespace = 'logs'::regnamespace AND c.relname IN (p.name || '_words', p.name || '_trigrams'))
      FROM logs.partition p
    $f$;

    CREATE FUNCTION logs.floor() RETURNS timestamptz LANGUAGE sql STABLE AS $f$ SELECT min(p.starts) FROM logs.partition p $f$;

    CREATE FUNCTION logs.open_partition(starts timestamptz) RETURNS void LANGUAGE plpgsql AS $f$
    DECLARE
      leaf text;
    BEGIN
      INSERT INTO logs.partition AS p (id, starts, ends)
      SELECT coalesce(max(q.id), 0) + 1, open_partition.starts, 'infinity' FROM logs.partition q RETURNING p.name INTO leaf;
      EXECUTE format('CREATE TABLE logs.%I PARTITION OF logs.entry FOR VALUES FROM (%L) TO (''infinity'')', leaf, open_partition.starts);
    END $f$;

    -- Gives the open partition an end just after its newest line, and opens the next from there. No row moves; readers and writers wait for
    -- the look over the partition's rows that PostgreSQL takes. Does nothing when the partition is empty, or was closed meanwhile.
    CREATE FUNCTION logs.close_partition(leaf text) RETURNS boolean LANGUAGE plpgsql AS $f$
    DECLARE
      p logs.partition;
      bound timestamptz;
    BEGIN
      -- Not the partitions: an index that is being built on one must not hold up the others.
      LOCK TABLE ONLY logs.entry IN ACCESS EXCLUSIVE MODE;
      SELECT * INTO p FROM logs.partition q WHERE q.name = leaf AND q.ends = 'infinity' FOR UPDATE;
      IF NOT FOUND THEN RETURN false; END IF;
      EXECUTE format('SELECT date_trunc(''milliseconds'', max(time)) + interval ''1 millisecond'' FROM logs.%I', leaf) INTO bound;
      IF bound IS NULL THEN RETURN false; END IF;
      EXECUTE format('ALTER TABLE logs.entry DETACH PARTITION logs.%I', leaf);
      EXECUTE format('ALTER TABLE logs.entry ATTACH PARTITION logs.%I FOR VALUES FROM (%L) TO (%L)', leaf, p.starts, bound);
      UPDATE logs.partition q SET ends = bound WHERE q.id = p.id;
      PERFORM logs.open_partition(bound);
      RETURN true;
    END $f$;

    -- Drops the oldest partition, unless it is the open one or not the one that was meant. The minute in which it ends is shared with the
    -- next one: there the volume becomes less by what goes. Volume of earlier minutes lies before the floor, and is deleted later.
    CREATE FUNCTION logs.drop_partition(leaf text) RETURNS boolean LANGUAGE plpgsql AS $f$
    DECLARE
      p logs.partition;
    BEGIN
      LOCK TABLE ONLY logs.entry IN ACCESS EXCLUSIVE MODE;
      SELECT * INTO p FROM logs.partition q ORDER BY q.starts LIMIT 1 FOR UPDATE;
      IF p.name IS DISTINCT FROM leaf OR p.ends = 'infinity' THEN RETURN false; END IF;
      EXECUTE format(
        'WITH gone AS (SELECT stream_id, level, count(*)::integer AS lines FROM logs.%I WHERE time >= $1 GROUP BY 1, 2)
         UPDATE logs.volume v SET lines = v.lines - gone.lines FROM gone
         WHERE v.minute = $1 AND v.stream_id = gone.stream_id AND v.level = gone.level', leaf) USING date_trunc('minute', p.ends);
      EXECUTE format('DROP TABLE logs.%I', leaf);
      DELETE FROM logs.partition q WHERE q.id = p.id;
      RETURN true;
    END $f$;

    -- Takes the text indexes from the open partition; they come back when it is closed, or when it is calm again.
    CREATE FUNCTION logs.strip_partition(leaf text) RETURNS void LANGUAGE plpgsql AS $f$
    BEGIN
      EXECUTE format('DROP INDEX IF EXISTS logs.%I, logs.%I', leaf || '_words', leaf || '_trigrams');
    END $f$;

    PERFORM logs.open_partition('-infinity');
  END IF;
END $$;
