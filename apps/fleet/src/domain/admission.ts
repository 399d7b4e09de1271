/** What is known about an id when somebody asks to be let in under it. */
export interface Known {
  /** The registered agent; null when there is none. */
  agent: { state: 'added' | 'approved' | 'revoked' | 'quarantined'; publicKey: string | null } | null;
  /** Whether the token that was sent is good for this id; null when none was sent. */
  token: 'good' | 'bad' | null;
  /** Whether the launcher of this machine vouches for whoever asks. */
  vouched: boolean;
  /** This very key's registration, and until when it is rejected. */
  registration: { state: 'pending' | 'quarantined' | 'rejected'; rejectedUntil: number | null } | null;
  /** Whether another key asks for the same id and is not rejected. */
  rival: boolean;
}

/** What is to be done about it. */
export type Verdict =
  | { do: 'admit' }
  | { do: 'wait'; as: 'pending' | 'quarantined' }
  | { do: 'refuse'; code: 'AGENT_REVOKED' | 'ENROLLMENT_TOKEN_INVALID' }
  | { do: 'refuse'; code: 'AGENT_REJECTED'; until: number };

/**
 * Decides about somebody who asks to be let in.
 * @param publicKey the key with which it asks, and which it has proved to hold.
 */
export function judge(known: Known, publicKey: string, now: number): Verdict {
  const { agent, token, registration } = known;
  if (agent?.state === 'revoked') return { do: 'refuse', code: 'AGENT_REVOKED' };
  if (agent?.state === 'approved' && agent.publicKey === publicKey) return { do: 'admit' };
  if (agent?.state === 'quarantined') return { do: 'wait', as: 'quarantined' };
  if (known.vouched || (token === 'good' && agent?.state === 'added')) return { do: 'admit' };
  // A token that was used up says nothing about a machine that is known: it may be a copy, and that must be told.
  if (token === 'bad' && agent?.state !== 'approved' && !registration)
    return { do: 'refuse', code: 'ENROLLMENT_TOKEN_INVALID' };
  if (registration?.state === 'rejected' && (registration.rejectedUntil ?? 0) > now)
    return { do: 'refuse', code: 'AGENT_REJECTED', until: registration.rejectedUntil ?? now };
  if (agent?.state === 'approved') return { do: 'wait', as: 'quarantined' };
  if (registration?.state === 'pending') return { do: 'wait', as: 'pending' };
  return { do: 'wait', as: known.rival ? 'quarantined' : 'pending' };
}
