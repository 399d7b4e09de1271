-- A host that a Docker agent reports about. What makes it this host and no other: the agent's id, the machine's and the token's.
CREATE TABLE fleet.docker_host (
  id text PRIMARY KEY,
  agent_key text NOT NULL,
  machine_id text NOT NULL,
  token_id text NOT NULL,
  token_name text NOT NULL,
  hostname text NOT NULL,
  interval_seconds real NOT NULL,
  -- By the agent's clock, and by ours.
  reported_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  -- Whether somebody was told that it is offline.
  told_offline boolean NOT NULL DEFAULT false,
  hidden boolean NOT NULL DEFAULT false,
  pending_uninstall boolean NOT NULL DEFAULT false,
  removed_at timestamptz,
  command jsonb,
  -- What is remembered of its containers: restarts and exits of late.
  memory jsonb NOT NULL DEFAULT '{}',
  report jsonb NOT NULL
);
CREATE INDEX docker_host_identity ON fleet.docker_host (agent_key, machine_id);
