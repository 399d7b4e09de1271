-- NOTICE: nothing here needs TimescaleDB.
-- Imports of the whole configuration: the row is where it is decided that one holds. No secrets are in it.
CREATE TABLE settings.import (
  id uuid PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('staging', 'decided', 'discarding', 'applied', 'discarded', 'failed')),
  -- Who drives it, and when he last did: another may when that is long ago.
  holder text NOT NULL,
  touched_at timestamptz NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  -- Who is still to be told to apply, or to discard.
  pending text[] NOT NULL,
  sections jsonb NOT NULL,
  actor jsonb NOT NULL
);
-- One at a time, over all replicas.
CREATE UNIQUE INDEX import_one ON settings.import ((true)) WHERE state IN ('staging', 'decided');
CREATE INDEX import_unfinished ON settings.import (touched_at) WHERE ended_at IS NULL;
