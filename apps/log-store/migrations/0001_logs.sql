-- NOTICE: lines are kept in partitions by time.

-- Where lines come from.
CREATE TABLE logs.stream (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  agent_id text NOT NULL,
  source text NOT NULL,
  name text NOT NULL,
  UNIQUE (agent_id, source, name)
);
