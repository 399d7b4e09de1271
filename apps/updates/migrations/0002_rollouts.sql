-- Roll-outs of a version of the agent over the fleet.
CREATE TABLE updates.rollout (
  id uuid PRIMARY KEY,
  version text NOT NULL,
  -- The envelope that agents verify.
  statement text NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'completed', 'stopped')),
  ring smallint NOT NULL DEFAULT 0 CHECK (ring BETWEEN 0 AND 3),
  -- Whether it is known which agent is in which ring.
  is_planned boolean NOT NULL DEFAULT false,
  -- Whether anything is left to do for it: one that was stopped takes back what it did.
  is_open boolean NOT NULL DEFAULT true,
  started_at timestamptz NOT NULL,
  started_by text NOT NULL,
  ended_at timestamptz,
  reason text
);
-- One at a time, over all replicas.
CREATE UNIQUE INDEX rollout_single ON updates.rollout ((true)) WHERE is_open;
CREATE INDEX rollout_started ON updates.rollout (started_at DESC);

CREATE TABLE updates.rollout_agent (
  rollout_id uuid NOT NULL REFERENCES updates.rollout (id) ON DELETE CASCADE,
  agent_id text COLLATE "C" NOT NULL,
  ring smallint NOT NULL CHECK (ring BETWEEN 0 AND 3),
  state text NOT NULL CHECK (state IN ('waiting', 'updating', 'watched', 'healthy', 'worse', 'reverted', 'skipped')),
  version_from text NOT NULL,
  reason text,
  -- Since when it is in this state.
  since timestamptz NOT NULL,
  -- Its figures before, and since it is watched.
  memo jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (rollout_id, agent_id)
);
CREATE INDEX rollout_agent_state ON updates.rollout_agent (rollout_id, ring, state);
