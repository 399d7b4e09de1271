-- What became of the samples that collectors numbered: counts by host, outbox and hour. Updated in the transaction that
-- stores the samples, so the counts are as true as the samples.
CREATE TABLE metrics.ledger_hour (
  resource_id integer NOT NULL REFERENCES metrics.resource,
  outbox text NOT NULL,
  hour timestamptz NOT NULL,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  stored integer NOT NULL DEFAULT 0,
  backfilled integer NOT NULL DEFAULT 0,
  quarantined integer NOT NULL DEFAULT 0,
  lost integer NOT NULL DEFAULT 0,
  PRIMARY KEY (resource_id, hour, outbox)
) WITH (fillfactor = 70);

-- Stretches of time without samples, and why.
CREATE TABLE metrics.gap (
  resource_id integer NOT NULL REFERENCES metrics.resource,
  starts timestamptz NOT NULL,
  ends timestamptz NOT NULL,
  cause text NOT NULL,
  first_lost_seq bigint,
  last_lost_seq bigint,
  PRIMARY KEY (resource_id, starts, cause)
);

-- Samples whose clock was wild: that they came is kept, their figures are not.
CREATE TABLE metrics.quarantined_sample (
  resource_id integer NOT NULL REFERENCES metrics.resource,
  outbox text NOT NULL,
  seq bigint NOT NULL,
  time_ms bigint NOT NULL,
  received_at timestamptz NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (resource_id, outbox, seq)
);
CREATE INDEX quarantined_sample_received ON metrics.quarantined_sample (received_at);
