-- NOTICE: nothing here needs TimescaleDB.

-- Cleanups: at most one is under way. Whoever does it says so every few seconds; one that nobody does any more is ended by the next.
CREATE TABLE settings.cleanup (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  trigger text NOT NULL CHECK (trigger IN ('request', 'schedule')),
  dry_run boolean NOT NULL,
  retention_days integer NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  beat_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  counts jsonb NOT NULL,
  fault text
);
CREATE UNIQUE INDEX cleanup_running ON settings.cleanup ((true)) WHERE ended_at IS NULL;
CREATE INDEX cleanup_scheduled ON settings.cleanup (started_at DESC) WHERE trigger = 'schedule';
