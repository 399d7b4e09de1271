-- NOTICE: nothing here needs TimescaleDB.

-- A host that was let in, or that an administrator has added.
CREATE TABLE fleet.agent (
  id text PRIMARY KEY,
  name text NOT NULL,
  hostname text NOT NULL DEFAULT '',
  architecture text NOT NULL DEFAULT '',
  os text NOT NULL DEFAULT '',
  version text NOT NULL DEFAULT '',
  machine text,
  address text,
  -- added: waits for its first enrolment. quarantined: seen twice at once.
  state text NOT NULL CHECK (state IN ('added', 'approved', 'revoked', 'quarantined')),
  public_key text,
  registered_at timestamptz NOT NULL,
  requested_at timestamptz,
  last_seen_at timestamptz,
  -- SHA-256 of the enrolment token that it may use once.
  token_hash bytea UNIQUE,
  token_expires_at timestamptz,
  override jsonb NOT NULL DEFAULT '{}',
  running jsonb
);

-- Somebody who asks to be let in. One id may be asked for with several keys: then it is several machines.
CREATE TABLE fleet.registration (
  agent_id text NOT NULL,
  public_key text NOT NULL,
  name text NOT NULL,
  hostname text NOT NULL,
  architecture text NOT NULL,
  os text NOT NULL,
  version text NOT NULL,
  machine text NOT NULL,
  address text NOT NULL,
  block text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'quarantined', 'rejected')),
  requested_at timestamptz NOT NULL,
  asked_at timestamptz NOT NULL,
  rejected_until timestamptz,
  PRIMARY KEY (agent_id, public_key)
);
CREATE INDEX registration_asked ON fleet.registration (asked_at);

-- Every key that NATS was told to let in, for as long as a JWT of it may be good.
CREATE TABLE fleet.credential (
  public_key text PRIMARY KEY,
  agent_id text NOT NULL,
  -- Of the newest JWT.
  issued_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  -- JWTs that are not newer than this are void.
  revoked_at timestamptz
);
CREATE INDEX credential_agent ON fleet.credential (agent_id);
CREATE INDEX credential_revoked ON fleet.credential (expires_at) WHERE revoked_at IS NOT NULL;
