-- NOTICE: nothing here needs TimescaleDB.
CREATE TABLE auth.role (
  id text PRIMARY KEY,
  name text NOT NULL,
  description text NOT NULL,
  permissions text[] NOT NULL,
  is_system boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX role_name ON auth.role (lower(name));

INSERT INTO auth.role (id, name, description, permissions, is_system) VALUES
  ('admin', 'admin', 'May do everything', '{*}', true),
  ('operator', 'operator', 'Looks after hosts and alerts', '{dashboard:view,alerts:*,agents:view,nodes:view,guests:manage,processes:*,logs:view,settings:view,notifications:view,system:read}', true),
  ('viewer', 'viewer', 'Looks, and changes nothing', '{dashboard:view,alerts:view,agents:view,nodes:view,processes:view,logs:view,notifications:view}', true);

CREATE TABLE auth."user" (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  username text NOT NULL,
  email text NOT NULL DEFAULT '',
  -- Without one, a user comes in through the OpenID provider alone.
  password_hash text,
  auth_provider text NOT NULL DEFAULT 'local' CHECK (auth_provider IN ('local', 'oidc')),
  -- Issuer and subject of an OpenID user.
  oidc_issuer text,
  oidc_subject text,
  disabled boolean NOT NULL DEFAULT false,
  -- Grows when sessions must end: those that were made under another number are void.
  epoch integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_login timestamptz,
  -- The second factor: its secret (sealed), whether it counts, and the last step of time whose code was taken.
  totp_secret bytea,
  totp_enabled boolean NOT NULL DEFAULT false,
  totp_step bigint NOT NULL DEFAULT 0,
  UNIQUE (oidc_issuer, oidc_subject)
);
CREATE UNIQUE INDEX user_username ON auth."user" (lower(username));

CREATE TABLE auth.user_role (
  user_id uuid NOT NULL REFERENCES auth."user" ON DELETE CASCADE,
  role_id text NOT NULL REFERENCES auth.role ON DELETE CASCADE,
  PRIMARY KEY (user_id, role_id)
);

CREATE TABLE auth.recovery_code (
  user_id uuid NOT NULL REFERENCES auth."user" ON DELETE CASCADE,
  hash bytea NOT NULL,
  PRIMARY KEY (user_id, hash)
);

CREATE TABLE auth.api_token (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL,
  -- SHA3-256 of the token.
  hash bytea NOT NULL UNIQUE,
  prefix text NOT NULL,
  suffix text NOT NULL,
  permissions text[] NOT NULL,
  -- A token can do no more than the user who made it, and ends with that user. Null: from the environment, or from such a token.
  created_by uuid REFERENCES auth."user" ON DELETE CASCADE,
  from_environment boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  expires_at timestamptz
);

-- What was taken over at a start: the hash of PULSE_AUTH_PASS, so that a password that was changed since stays changed; the
-- hash of the bootstrap token; a sign of the secret key, by which a wrong one is known.
CREATE TABLE auth.start (
  name text PRIMARY KEY,
  value text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);
