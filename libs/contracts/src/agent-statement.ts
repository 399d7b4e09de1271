/**
 * The type of the signed statement about an agent's file (DSSE). In a file of its own: the agent's launcher, which may not load much, needs
 * nothing else of the contracts.
 */
export const AGENT_STATEMENT = 'application/vnd.lapwing.agent+json';
