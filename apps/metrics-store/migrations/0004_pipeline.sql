-- NOTICE: as in 0001, make_series uses what TimescaleDB offers where it is there.
-- What the processes of alerting measured of the way from samples to messages. A resource here is one measure of one process.
CREATE TABLE metrics.pipeline_measure (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  process text NOT NULL,
  measure text NOT NULL,
  seen_at timestamptz NOT NULL,
  UNIQUE (process, measure)
);
CREATE INDEX pipeline_measure_seen ON metrics.pipeline_measure (seen_at);

-- A row a minute: values in milliseconds, rounded and ascending, and how often each came; count, sum, least and greatest are exact.
CREATE TABLE metrics.pipeline_sample (
  resource_id integer NOT NULL,
  time timestamptz NOT NULL,
  count bigint NOT NULL,
  sum double precision NOT NULL,
  least double precision NOT NULL,
  greatest double precision NOT NULL,
  figures double precision[] NOT NULL,
  counts integer[] NOT NULL,
  PRIMARY KEY (resource_id, time)
);
SELECT lapwing.make_series('metrics.pipeline_sample', '1 day', '7 days');

-- The figures of whole hours, of all processes together. One counts only while its count is that of its minutes: what came late makes it void
-- until it is summed up anew.
CREATE TABLE metrics.pipeline_hour (
  measure text NOT NULL,
  hour timestamptz NOT NULL,
  count bigint NOT NULL,
  figures double precision[] NOT NULL,
  counts bigint[] NOT NULL,
  PRIMARY KEY (measure, hour)
);
