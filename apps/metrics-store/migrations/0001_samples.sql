-- NOTICE: make_series and make_rollup use hypertables, compression, continuous aggregates and policies where TimescaleDB
-- is there, and native partitions with roll-up tables where it is not. Both give the same tables and views.
-- Percentages, temperatures and loads are hundredths; sizes are bytes, rates bytes per second, times UTC.

-- What has samples: a host, or a thing of a host (a mount, an interface, a graphics card).
CREATE TABLE metrics.resource (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('host', 'disk', 'interface', 'gpu')),
  agent_id text NOT NULL,
  name text NOT NULL,
  UNIQUE (kind, agent_id, name)
);

CREATE TABLE metrics.host_sample (
  resource_id integer NOT NULL,
  time timestamptz NOT NULL,
  seq bigint NOT NULL,
  cpu smallint,
  load1 integer,
  load5 integer,
  load15 integer,
  memory smallint,
  memory_total bigint,
  memory_used bigint,
  memory_available bigint,
  memory_buffers bigint,
  memory_cached bigint,
  swap_total bigint,
  swap_used bigint,
  disk smallint,
  disk_total bigint,
  disk_used bigint,
  disk_read_rate bigint,
  disk_write_rate bigint,
  network_rx_rate bigint,
  network_tx_rate bigint,
  connections integer,
  processes integer,
  uptime bigint,
  temperature smallint,
  PRIMARY KEY (resource_id, time)
);

CREATE TABLE metrics.disk_sample (
  resource_id integer NOT NULL,
  time timestamptz NOT NULL,
  total bigint,
  used bigint,
  free bigint,
  usage smallint,
  PRIMARY KEY (resource_id, time)
);

CREATE TABLE metrics.interface_sample (
  resource_id integer NOT NULL,
  time timestamptz NOT NULL,
  rx_bytes bigint,
  tx_bytes bigint,
  rx_rate bigint,
  tx_rate bigint,
  PRIMARY KEY (resource_id, time)
);

CREATE TABLE metrics.gpu_sample (
  resource_id integer NOT NULL,
  time timestamptz NOT NULL,
  utilization smallint,
  memory_used bigint,
  memory_total bigint,
  temperature smallint,
  power integer,
  PRIMARY KEY (resource_id, time)
);

SELECT lapwing.make_series('metrics.' || name, '1 day', '7 days')
FROM unnest(ARRAY['host_sample', 'disk_sample', 'interface_sample', 'gpu_sample']) AS name;

SELECT lapwing.make_rollup('metrics.' || s.name, r.suffix, r.width, s.metrics, r.chunk, r.retention)
FROM (VALUES
  ('host_sample', ARRAY['cpu', 'load1', 'memory', 'memory_used', 'swap_used', 'disk', 'disk_used', 'disk_read_rate', 'disk_write_rate',
    'network_rx_rate', 'network_tx_rate', 'connections', 'processes', 'temperature']),
  ('disk_sample', ARRAY['used', 'usage']),
  ('interface_sample', ARRAY['rx_rate', 'tx_rate']),
  ('gpu_sample', ARRAY['utilization', 'memory_used', 'temperature', 'power'])
) AS s (name, metrics)
CROSS JOIN (VALUES
  ('1m', interval '1 minute', interval '7 days', interval '30 days'),
  ('5m', interval '5 minutes', interval '30 days', interval '90 days'),
  ('1h', interval '1 hour', interval '90 days', interval '400 days')
) AS r (suffix, width, chunk, retention);

-- The newest sample of each host, whole, as it came.
CREATE TABLE metrics.last_sample (
  resource_id integer PRIMARY KEY REFERENCES metrics.resource,
  time timestamptz NOT NULL,
  sample json NOT NULL
) WITH (fillfactor = 50);

-- For people: plain units.
CREATE VIEW metrics.host AS
SELECT r.agent_id, s.time, s.seq,
  s.cpu / 100.0 AS cpu_percent, s.load1 / 100.0 AS load1, s.load5 / 100.0 AS load5, s.load15 / 100.0 AS load15,
  s.memory / 100.0 AS memory_percent, s.memory_total, s.memory_used, s.memory_available, s.memory_buffers, s.memory_cached,
  s.swap_total, s.swap_used, s.disk / 100.0 AS disk_percent, s.disk_total, s.disk_used, s.disk_read_rate, s.disk_write_rate,
  s.network_rx_rate, s.network_tx_rate, s.connections, s.processes, make_interval(secs => s.uptime) AS uptime,
  s.temperature / 100.0 AS temperature_celsius
FROM metrics.host_sample s JOIN metrics.resource r ON r.id = s.resource_id;
