-- NOTICE: nothing here needs TimescaleDB.

-- The rules: one document, the newest.
CREATE TABLE alerting.config (
  id smallint PRIMARY KEY CHECK (id = 1),
  document jsonb NOT NULL,
  updated_at timestamptz NOT NULL,
  updated_by text NOT NULL
);

-- The parts into which judging is cut: who judges it, how far it has come, and what waits for its delay.
CREATE TABLE alerting.partition (
  number smallint PRIMARY KEY,
  holder text NOT NULL,
  position bigint NOT NULL DEFAULT 0,
  state jsonb NOT NULL DEFAULT '{}',
  updated_at timestamptz NOT NULL
);

-- Alerts that were closely together.
CREATE TABLE alerting.incident (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  instance text NOT NULL,
  opened_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  closed_at timestamptz,
  score smallint NOT NULL
);
CREATE INDEX incident_opened ON alerting.incident (opened_at DESC);
CREATE UNIQUE INDEX incident_open ON alerting.incident (instance) WHERE closed_at IS NULL;

-- Each stretch of time in which a signal of a resource was in breach.
CREATE TABLE alerting.alert (
  occurrence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  alert_id text NOT NULL,
  partition smallint NOT NULL,
  scope text NOT NULL,
  signal text NOT NULL,
  level text NOT NULL CHECK (level IN ('warning', 'critical')),
  score smallint NOT NULL,
  resource jsonb NOT NULL,
  resource_id text NOT NULL,
  instance text NOT NULL,
  message text NOT NULL,
  detail text NOT NULL,
  why text NOT NULL,
  value double precision NOT NULL,
  threshold double precision NOT NULL,
  clear_threshold double precision NOT NULL,
  unit text NOT NULL,
  track jsonb NOT NULL,
  started_at timestamptz NOT NULL,
  fired_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  resolved_at timestamptz,
  resolution text,
  acknowledged_at timestamptz,
  acknowledged_by text,
  affected jsonb NOT NULL DEFAULT '[]',
  affected_count integer NOT NULL DEFAULT 0,
  flapping boolean NOT NULL DEFAULT false,
  inhibited_by text,
  quiet text NOT NULL DEFAULT '',
  incident_id bigint REFERENCES alerting.incident ON DELETE SET NULL,
  last_notified_at timestamptz,
  escalated_at timestamptz[] NOT NULL DEFAULT '{}',
  UNIQUE (alert_id, started_at)
);
CREATE UNIQUE INDEX alert_open ON alerting.alert (alert_id) WHERE resolved_at IS NULL;
CREATE INDEX alert_open_partition ON alerting.alert (partition) WHERE resolved_at IS NULL;
CREATE INDEX alert_started ON alerting.alert (started_at DESC, occurrence DESC);
CREATE INDEX alert_resource ON alerting.alert (resource_id, started_at DESC);
CREATE INDEX alert_incident ON alerting.alert (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX alert_resolved ON alerting.alert (resolved_at) WHERE resolved_at IS NOT NULL;

-- What happened to alerts, until it was told to the bus and led to notices.
CREATE TABLE alerting.change (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  occurrence bigint NOT NULL REFERENCES alerting.alert ON DELETE CASCADE,
  kind text NOT NULL,
  at timestamptz NOT NULL,
  routed boolean NOT NULL DEFAULT false
);
CREATE INDEX change_unrouted ON alerting.change (id) WHERE NOT routed;
CREATE INDEX change_routed ON alerting.change (at) WHERE routed;
CREATE INDEX change_occurrence ON alerting.change (occurrence);

-- What is remembered of an alert from one time to the next: how often it came and went, when it was told.
CREATE TABLE alerting.memory (
  alert_id text PRIMARY KEY,
  flaps jsonb NOT NULL,
  told jsonb NOT NULL,
  updated_at timestamptz NOT NULL
);

-- What is still to be told, and why it is not told yet.
CREATE TABLE alerting.notice (
  occurrence bigint NOT NULL REFERENCES alerting.alert ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('firing', 'resolved', 'escalation')),
  group_key text NOT NULL,
  due_at timestamptz NOT NULL,
  -- To whom alone; null: to all.
  channels text[],
  -- It has become critical since it was told: the cooldown does not count.
  upgraded boolean NOT NULL DEFAULT false,
  -- It waits for news of what its resource stands on.
  settles boolean NOT NULL DEFAULT false,
  held text NOT NULL DEFAULT '',
  PRIMARY KEY (occurrence, kind)
);
CREATE INDEX notice_due ON alerting.notice (due_at);

CREATE TABLE alerting.silence (
  id uuid PRIMARY KEY,
  matchers jsonb NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  comment text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE alerting.maintenance (
  id uuid PRIMARY KEY,
  draft jsonb NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL
);

-- Whom to tell: mail and webhooks, sealed as a whole with the installation's key: URLs hold secrets, too.
CREATE TABLE alerting.channel (
  id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('email', 'webhook')),
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE TABLE alerting.key_check (
  id smallint PRIMARY KEY CHECK (id = 1),
  signature text NOT NULL
);

-- One message to one channel, and what became of it.
CREATE TABLE alerting.delivery (
  id uuid PRIMARY KEY,
  number bigint GENERATED ALWAYS AS IDENTITY,
  channel_id text NOT NULL,
  channel text NOT NULL,
  name text NOT NULL,
  service text NOT NULL,
  target text NOT NULL,
  kind text NOT NULL,
  message jsonb NOT NULL,
  alert_ids text[] NOT NULL,
  alerts integer NOT NULL,
  status text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  code integer,
  error text NOT NULL DEFAULT '',
  size integer NOT NULL DEFAULT 0,
  decided_at timestamptz NOT NULL,
  queued_at timestamptz,
  attempted_at timestamptz,
  ended_at timestamptz,
  next_at timestamptz
);
CREATE INDEX delivery_decided ON alerting.delivery (decided_at);
CREATE INDEX delivery_number ON alerting.delivery (number DESC);
CREATE INDEX delivery_unfinished ON alerting.delivery (status, next_at) WHERE ended_at IS NULL;

CREATE TABLE alerting.delivery_alert (
  occurrence bigint NOT NULL REFERENCES alerting.alert ON DELETE CASCADE,
  delivery_id uuid NOT NULL REFERENCES alerting.delivery ON DELETE CASCADE,
  PRIMARY KEY (occurrence, delivery_id)
);
CREATE INDEX delivery_alert_delivery ON alerting.delivery_alert (delivery_id);
