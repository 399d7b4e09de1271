-- NOTICE: as in 0001, make_series and make_rollup use what TimescaleDB offers where it is there.
-- What pollers read: nodes, guests and storages. Their resources have the id of the target in agent_id.
ALTER TABLE metrics.resource DROP CONSTRAINT resource_kind_check;
ALTER TABLE metrics.resource ADD CONSTRAINT resource_kind_check
  CHECK (kind IN ('host', 'disk', 'interface', 'gpu', 'node', 'guest', 'storage'));

CREATE TABLE metrics.node_sample (
  resource_id integer NOT NULL,
  time timestamptz NOT NULL,
  cpu smallint,
  memory smallint,
  memory_used bigint,
  disk smallint,
  disk_used bigint,
  total bigint,
  PRIMARY KEY (resource_id, time)
);

CREATE TABLE metrics.guest_sample (
  resource_id integer NOT NULL,
  time timestamptz NOT NULL,
  cpu smallint,
  memory smallint,
  memory_used bigint,
  disk smallint,
  disk_used bigint,
  disk_read bigint,
  disk_write bigint,
  network_in bigint,
  network_out bigint,
  PRIMARY KEY (resource_id, time)
);

CREATE TABLE metrics.storage_sample (
  resource_id integer NOT NULL,
  time timestamptz NOT NULL,
  disk smallint,
  disk_used bigint,
  total bigint,
  PRIMARY KEY (resource_id, time)
);

SELECT lapwing.make_series('metrics.' || name, '1 day', '7 days')
FROM unnest(ARRAY['node_sample', 'guest_sample', 'storage_sample']) AS name;

SELECT lapwing.make_rollup('metrics.' || s.name, r.suffix, r.width, s.metrics, r.chunk, r.retention)
FROM (VALUES
  ('node_sample', ARRAY['cpu', 'memory', 'memory_used', 'disk', 'disk_used', 'total']),
  ('guest_sample', ARRAY['cpu', 'memory', 'memory_used', 'disk', 'disk_used', 'disk_read', 'disk_write', 'network_in', 'network_out']),
  ('storage_sample', ARRAY['disk', 'disk_used', 'total'])
) AS s (name, metrics)
CROSS JOIN (VALUES
  ('1m', interval '1 minute', interval '7 days', interval '30 days'),
  ('5m', interval '5 minutes', interval '30 days', interval '90 days'),
  ('1h', interval '1 hour', interval '90 days', interval '400 days')
) AS r (suffix, width, chunk, retention);
