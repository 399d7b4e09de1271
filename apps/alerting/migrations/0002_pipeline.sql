-- NOTICE: nothing here needs TimescaleDB.

-- When what led to a change passed the first stages; null where that does not count (back-fill, and whatever is no host's sample).
ALTER TABLE alerting.change
  ADD COLUMN watched_at timestamptz,
  ADD COLUMN detected_at timestamptz;

-- The same for what is to be told, until it is.
ALTER TABLE alerting.notice
  ADD COLUMN watched_at timestamptz,
  ADD COLUMN batched_at timestamptz;
