-- NOTICE: nothing here needs TimescaleDB.

-- What was believed of each channel: nothing older is believed afterwards.
CREATE TABLE updates.feed (
  channel text PRIMARY KEY CHECK (channel IN ('stable', 'rc')),
  sequence bigint NOT NULL,
  -- SHA-256 of the signed document, so that two of one sequence are noticed.
  digest text NOT NULL,
  issued_at timestamptz NOT NULL,
  document jsonb NOT NULL,
  checked_at timestamptz NOT NULL
);

-- Attempts to change what runs. `holder` names the process that is at work on it, and `beat_at` when it was last heard.
CREATE TABLE updates.attempt (
  id uuid PRIMARY KEY,
  action text NOT NULL CHECK (action IN ('download', 'update', 'rollback')),
  version text NOT NULL,
  version_from text NOT NULL,
  channel text NOT NULL,
  status text NOT NULL CHECK (status IN ('in_progress', 'success', 'failed', 'rolled_back', 'cancelled')),
  step text NOT NULL,
  progress smallint NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  error text,
  error_code text,
  deployment_type text NOT NULL,
  initiated_by text NOT NULL,
  archive text,
  sha256 text,
  holder text NOT NULL,
  beat_at timestamptz NOT NULL DEFAULT now()
);
-- One at a time, over all replicas.
CREATE UNIQUE INDEX attempt_single ON updates.attempt ((true)) WHERE status = 'in_progress';
CREATE INDEX attempt_started ON updates.attempt (started_at DESC);

-- Licences that this service has issued. Keys are kept as SHA3-256 only.
CREATE TABLE updates.issued_license (
  id uuid PRIMARY KEY,
  key_hash text NOT NULL UNIQUE,
  prefix text NOT NULL,
  email text NOT NULL,
  updates_expire_at timestamptz NOT NULL,
  issued_at timestamptz NOT NULL DEFAULT now(),
  issued_by text NOT NULL,
  revoked_at timestamptz
);

-- The licence that is held: one at most.
CREATE TABLE updates.license (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  key_hash text NOT NULL,
  -- Sealed, for a licence server that is asked again; null for others.
  sealed_key bytea,
  email text NOT NULL,
  source text NOT NULL CHECK (source IN ('issued', 'server', 'file')),
  updates_expire_at timestamptz NOT NULL,
  -- Whether whoever vouched for it said so when he was last asked.
  valid boolean NOT NULL DEFAULT true,
  verified_at timestamptz NOT NULL
);
