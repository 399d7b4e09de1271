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
  return { agentKey: agent.id ?? (machineId || host.hostname), machineId, tokenId, hostname: host.hostname };
}

/**
 * Finds the host that reports among those with the same agent key and machine id. Copied machines share both, and often the token, too:
 * they differ by token or host name, and both report. A host whose token was exchanged, or that was renamed, differs as well, but
 * then its old self is silent.
 * @returns the known host; undefined for a new one.
 */
export function hostOf(identity: DockerIdentity, known: KnownHost[]): KnownHost | undefined {
  const exact = known.find(({ tokenId, hostname }) => tokenId === identity.tokenId && hostname === identity.hostname);
  if (exact) return exact;
  const silent = known.filter(({ isOnline }) => !isOnline);
  return (
    silent.find(({ tokenId }) => tokenId === identity.tokenId) ??
    silent.find(({ hostname }) => hostname === identity.hostname)
  );
}

/** The id of a new host: the agent's own, and with something unlike added where that is taken. */
export function hostIdOf(identity: DockerIdentity, isTaken: boolean, fingerprint: (text: string) => string): string {
  const { agentKey, machineId, tokenId, hostname } = identity;
  if (!isTaken) return agentKey;
  return `${agentKey}-${fingerprint([agentKey, machineId, tokenId, hostname].join('\n')).slice(0, 8)}`;
}

/** How long a silent host counts as online: four of its intervals, at least 30 s, at most 10 min. In milliseconds. */
export function offlineAfter(intervalSeconds: number): number {
  return Math.min(Math.max(4 * intervalSeconds, 30), 600) * 1000;
}
