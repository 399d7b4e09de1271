import {
  defaultLogSources,
  hostParts,
  type AgentOverride,
  type AgentSettings,
  type SystemSettings,
} from '@lapwing/contracts';

/** What an agent is to do: the system's settings, and what is set for this agent alone. */
export function settingsOf(system: Pick<SystemSettings, 'refreshInterval'>, override: AgentOverride): AgentSettings {
  const sources = override.sources ?? hostParts;
  return {
    refreshInterval: override.refreshInterval ?? system.refreshInterval,
    sources: hostParts.filter((part) => sources.includes(part)),
    logSources: override.logSources ?? [...defaultLogSources],
  };
}

/** An override with changes in it: `null` takes a value out, what is missing stays. */
export function changeOverride(current: AgentOverride, changes: AgentOverride): AgentOverride {
  const all = Object.entries({ ...current, ...changes });
  return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined));
}
