-- NOTICE: nothing here needs TimescaleDB.
CREATE TABLE settings.setting (
  name text PRIMARY KEY,
  value jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);
