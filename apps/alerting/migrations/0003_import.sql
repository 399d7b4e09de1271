-- NOTICE: nothing here needs TimescaleDB.
-- Imports of the configuration: what they may come to replace, until the service settings has decided.
CREATE TABLE alerting.import (
  id uuid PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('staged', 'applied', 'discarded')),
  updated_at timestamptz NOT NULL
);

-- Their pieces, sealed with the installation's key: they hold secrets.
CREATE TABLE alerting.import_part (
  import_id uuid NOT NULL REFERENCES alerting.import ON DELETE CASCADE,
  number integer NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (import_id, number)
);
