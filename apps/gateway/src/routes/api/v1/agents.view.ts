import { AgentOverride, AgentSettings, agentStatuses, type Agent } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';

/** Tyto's agent, with what Lapwing knows beside. */
export const AgentView = z.object({
  id: z.string(),
  name: z.string(),
  hostname: z.string(),
  status: z.enum(agentStatuses),
  architecture: z.string(),
  os: z.string(),
  last_seen: isoTime.nullable(),
  registered_at: isoTime.nullable(),
  version: z.string(),
  fingerprint: z.string().nullable().describe('public key (NKey) of the agent'),
});

/** Somebody who waits to be let in. */
export const PendingView = AgentView.extend({
  requested_at: isoTime.nullable(),
  address: z.string().nullable().describe('where it asked from'),
});

/** What an agent is told, and what it says that it runs. */
export const AgentDetail = AgentView.extend({
  requested_at: isoTime.nullable(),
  address: z.string().nullable(),
  settings: AgentOverride.describe('what is set for this agent alone'),
  running: AgentSettings.extend({ started_at: isoTime, unsupported: z.array(z.string()) }).nullable(),
});

const time = (value: number | null): string | null => (value === null ? null : isoSeconds(value));

/** Names of processors as Go has them; hosts that enrolled elsewhere may tell the kernel's. */
const GO_NAMES: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm', i686: '386' };

/** An agent in Tyto's form. */
export function toAgentView(agent: Agent): z.infer<typeof AgentView> {
  const { id, name, hostname, status, os, version, fingerprint } = agent;
  const architecture = GO_NAMES[agent.architecture] ?? agent.architecture;
  const times = { last_seen: time(agent.lastSeenAt), registered_at: time(agent.registeredAt) };
  return { id, name, hostname, status, architecture, os, ...times, version, fingerprint };
}

/** Somebody who waits, in Tyto's form. */
export function toPendingView(agent: Agent): z.infer<typeof PendingView> {
  return { ...toAgentView(agent), requested_at: time(agent.requestedAt), address: agent.address };
}

/** An agent with all that is known of it. */
export function toAgentDetail(agent: Agent): z.infer<typeof AgentDetail> {
  const { running } = agent;
  return {
    ...toPendingView(agent),
    settings: agent.override,
    running: running && {
      refreshInterval: running.refreshInterval,
      sources: running.sources,
      logSources: running.logSources,
      unsupported: running.unsupported,
      started_at: isoSeconds(running.startedAt),
    },
  };
}
