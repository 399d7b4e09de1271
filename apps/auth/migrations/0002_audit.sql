CREATE TABLE auth.audit (
  id bigint PRIMARY KEY,
  time timestamptz NOT NULL,
  type text NOT NULL,
  action text NOT NULL,
  target text NOT NULL,
  "user" text NOT NULL,
  user_id uuid,
  address text NOT NULL,
  -- JSON with sorted keys, as it was signed.
  details text NOT NULL,
  event_id uuid UNIQUE,
  -- Keyed hash over this entry and the hash of the one before.
  hash text NOT NULL
);
CREATE INDEX audit_time ON auth.audit (time);
CREATE INDEX audit_type ON auth.audit (type, id);
CREATE INDEX audit_user ON auth.audit (lower("user"), id);

-- The end of the chain: whoever cuts entries off at the end must change this as well, and cannot sign it.
CREATE TABLE auth.audit_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  last_id bigint NOT NULL,
  hash text NOT NULL,
  signature text NOT NULL
);

CREATE FUNCTION auth.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail is append-only';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON auth.audit FOR EACH ROW EXECUTE FUNCTION auth.refuse_change();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON auth.audit FOR EACH STATEMENT EXECUTE FUNCTION auth.refuse_change();
