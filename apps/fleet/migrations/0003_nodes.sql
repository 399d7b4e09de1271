-- NOTICE: nothing here needs TimescaleDB.
-- What pollers ask: Proxmox VE, Backup Servers, Mail Gateways. The secrets are sealed with the installation's key.
CREATE TABLE fleet.node (
  id text PRIMARY KEY,
  type text NOT NULL CHECK (type IN ('pve', 'pbs', 'pmg')),
  name text NOT NULL,
  host text NOT NULL,
  username text NOT NULL,
  token_name text NOT NULL,
  sealed bytea NOT NULL,
  has_password boolean NOT NULL,
  has_token boolean NOT NULL,
  fingerprint text NOT NULL,
  ca_certificate text NOT NULL,
  verify_ssl boolean NOT NULL,
  monitor jsonb NOT NULL,
  source text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (type, host),
  UNIQUE (type, name)
);

-- Codes with which nodes register themselves: their hashes, each good once and for one type and host.
CREATE TABLE fleet.setup_code (
  hash bytea PRIMARY KEY,
  type text NOT NULL,
  host text NOT NULL,
  expires_at timestamptz NOT NULL,
  created_by text NOT NULL
);

-- Addresses that tried codes that were none.
CREATE TABLE fleet.setup_attempt (
  address text PRIMARY KEY,
  failures integer NOT NULL,
  last_at timestamptz NOT NULL
);

-- What people note about guests, by node:vmid.
CREATE TABLE fleet.guest_metadata (
  id text PRIMARY KEY,
  console_url text NOT NULL DEFAULT '',
  notes text NOT NULL DEFAULT '',
  description text NOT NULL DEFAULT '',
  tags jsonb NOT NULL DEFAULT '[]',
  updated_at timestamptz NOT NULL
);

-- One row: what the installation's key signed when this database was made. Another key could open none of the secrets.
CREATE TABLE fleet.key_check (
  is_set boolean PRIMARY KEY DEFAULT true CHECK (is_set),
  signature text NOT NULL
);
