import type { NodeType } from '@lapwing/contracts';

const PORTS: Record<NodeType, number> = { pve: 8006, pbs: 8007, pmg: 8006 };
/** Names and addresses of hosts; whatever else could mean something to a shell, a log or a URL. */
const HOST = /^([a-z0-9]([a-z0-9._-]{0,252}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])$/;

/**
 * The address of a node as it is kept: `https://host:port`, in lower case, with the port that is usual for its type where none is given.
 * Two ways to write one address become one.
 * @returns the address, or in words what is wrong with the text.
 */
export function normalizeHost(type: NodeType, text: string): { host: string } | { problem: string } {
  const trimmed = text.trim();
  const bare = /^[0-9a-f:]+$/i.test(trimmed) && trimmed.split(':').length > 2 ? `[${trimmed}]` : trimmed;
  const written = /^[a-z][a-z0-9+.-]*:\/\//i.test(bare) ? bare : `https://${bare}`;
  if (!URL.canParse(written))
    return { problem: `"host" must be an address like https://pve.example.com:${PORTS[type]}` };
  const url = new URL(written);
  if (url.protocol !== 'https:') return { problem: '"host" must begin with https://: secrets go nowhere unencrypted' };
  if (url.username !== '' || url.password !== '')
    return { problem: '"host" must not hold a user or a password: give them in fields of their own' };
  if (!/^\/*$/.test(url.pathname) || url.search !== '' || url.hash !== '')
    return { problem: '"host" must be an address alone, without a path, a query or a fragment' };
  const name = url.hostname.toLowerCase();
  if (!HOST.test(name)) return { problem: '"host" has characters that no host has' };
  // https has a port of its own, which a URL leaves out when it is written.
  const port = url.port || (/:443\/*$/.test(written) ? '443' : String(PORTS[type]));
  return { host: `https://${name}:${port}` };
}

/**
 * The full name of an API token, `user@realm!name`.
 * @param user the user for a name that has none before it.
 * @returns undefined when there is no user.
 */
export function fullTokenName(tokenName: string, user: string): string | undefined {
  if (tokenName === '' || tokenName.includes('!')) return tokenName;
  return user === '' ? undefined : `${user}!${tokenName}`;
}

/** A SHA-256 fingerprint as Proxmox prints it: upper case, with colons. Undefined for what is none. */
export function normalizeFingerprint(text: string): string | undefined {
  const digits = text
    .replace(/^sha256[:/]?/i, '')
    .replace(/[:\s]/g, '')
    .toUpperCase();
  if (digits === '') return '';
  return /^[0-9A-F]{64}$/.test(digits) ? (digits.match(/../g) ?? []).join(':') : undefined;
}
