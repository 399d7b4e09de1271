import type { DockerReport } from '@lapwing/contracts';

/** What makes a Docker host this one and no other. */
export interface DockerIdentity {
  /** What its agent calls itself, else the machine, else the host. */
  agentKey: string;
  machineId: string;
  tokenId: string;
  hostname: string;
}

/** A Docker host that is known already. */
export interface KnownHost extends DockerIdentity {
  id: string;
  isOnline: boolean;
}

/** Who reports, as far as the report tells. */
export function identityOf({ agent, host }: DockerReport, tokenId: string): DockerIdentity {
  const machineId = host.machineId ?? '';
  const key = agent.id ?? (machineId || host.hostname);
  // A host's name is free text, and becomes an id here.
  const agentKey = key.replace(/[/\\\p{Cc}]+/gu, '-').replace(/^\.+$/, '-');
  return { agentKey, machineId, tokenId, hostname: host.hostname };
}

/**
 * Finds the host that reports among those with the same agent key and machine id. Copied machines share both, and often the token, too:
 * they differ by token or host name, and both report. A host whose token was exchanged differs by token alone; when its old
 * self is silent it is taken for the same. A host that was renamed cannot be told from a copy of one that is switched off: it becomes a host of its own.
 * @returns the known host; undefined for a new one.
 */
export function hostOf(identity: DockerIdentity, known: KnownHost[]): KnownHost | undefined {
  const named = known.filter(({ hostname }) => hostname === identity.hostname);
  return named.find(({ tokenId }) => tokenId === identity.tokenId) ?? named.find(({ isOnline }) => !isOnline);
}

/** The ids that a new host may get, the best first: the agent's own, then some with something unlike added. */
export function hostIdsOf(identity: DockerIdentity, fingerprint: (text: string) => string): string[] {
  const { agentKey, machineId, tokenId, hostname } = identity;
  const full = fingerprint([agentKey, machineId, tokenId, hostname].join('\n'));
  return [agentKey, ...[8, 16, 32, 64].map((length) => `${agentKey}-${full.slice(0, length)}`)];
}

/** How long a silent host counts as online: four of its intervals, at least 30 s, at most 10 min. In milliseconds. */
export function offlineAfter(intervalSeconds: number): number {
  return Math.min(Math.max(4 * intervalSeconds, 30), 600) * 1000;
}
