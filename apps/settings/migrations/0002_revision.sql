-- NOTICE: nothing here needs TimescaleDB.
-- Grows by one with every change of the settings; whoever changes them holds this row.
CREATE TABLE settings.revision (
  id smallint PRIMARY KEY CHECK (id = 1),
  revision bigint NOT NULL
);
INSERT INTO settings.revision (id, revision) VALUES (1, 0);

-- What each user, or holder of an API token, has chosen for himself.
CREATE TABLE settings.user_setting (
  owner text PRIMARY KEY,
  document jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);
