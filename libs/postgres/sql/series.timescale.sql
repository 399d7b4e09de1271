-- Time series on TimescaleDB: hypertables, columnstore compression, continuous aggregates with the newest part in real
-- time, and its own policies for refreshing, compressing and retention. The functions have the same names and the same
-- results as those of series.plain.sql.

CREATE OR REPLACE FUNCTION lapwing.make_series(series_name text, chunk interval, retention interval) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM create_hypertable(series_name::regclass, by_range('time', chunk), create_default_indexes => false);
  EXECUTE format(
    'ALTER TABLE %s SET (timescaledb.compress, timescaledb.compress_segmentby = ''resource_id'', timescaledb.compress_orderby = ''time DESC'')',
    series_name);
  PERFORM add_compression_policy(series_name::regclass, compress_after => chunk);
  PERFORM add_retention_policy(series_name::regclass, drop_after => retention);
END $$;

CREATE OR REPLACE FUNCTION lapwing.make_rollup(series_name text, suffix text, width interval, metrics text[], chunk interval, retention interval)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  rollup text := series_name || '_' || suffix;
BEGIN
  EXECUTE format(
    'CREATE MATERIALIZED VIEW %s WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
     SELECT resource_id, time_bucket(%L, time) AS bucket, count(*)::integer AS samples, %s FROM %s GROUP BY 1, 2 WITH NO DATA',
    rollup, width, lapwing.rollup_columns(series_name::regclass, metrics), series_name);
  PERFORM set_chunk_time_interval(format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)::regclass, chunk)
  FROM timescaledb_information.continuous_aggregates
  WHERE format('%s.%s', view_schema, view_name) = rollup;
  PERFORM add_continuous_aggregate_policy(rollup::regclass, start_offset => interval '6 days', end_offset => interval '2 minutes',
    schedule_interval => least(width, interval '5 minutes'));
  PERFORM add_retention_policy(rollup::regclass, drop_after => retention);
END $$;

CREATE OR REPLACE FUNCTION lapwing.ensure_partitions(series_name text, from_time timestamptz, to_time timestamptz) RETURNS void
LANGUAGE sql AS $$ $$;

CREATE OR REPLACE FUNCTION lapwing.note_late(series_name text, resource_ids integer[], times timestamptz[]) RETURNS void
LANGUAGE sql AS $$ $$;

CREATE OR REPLACE FUNCTION lapwing.maintain_partitions() RETURNS integer
LANGUAGE sql AS $$ SELECT 0 $$;

CREATE OR REPLACE FUNCTION lapwing.set_retention(series_name text, keep interval) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM remove_retention_policy(series_name::regclass, if_exists => true);
  PERFORM add_retention_policy(series_name::regclass, drop_after => keep);
END $$;
