import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { forbiddenReason, type Reach } from './addresses.js';

/** A request was not sent, or its answer not taken. The message may be shown to whoever gave the URL. */
export class OutgoingError extends Error {
  override readonly name = 'OutgoingError';
}

type Found = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/**
 * Resolves names for a connection, to addresses that may be asked only: they are looked at after the name was resolved, and dialled as
 * they were looked at.
 */
export function guardedLookup(reach: Reach): (hostname: string, query: LookupOptions, found: Found) => void {
  return (hostname, query, found) =>
    lookup(hostname, { ...query, all: true }, (error, addresses) => {
      const allowed = error ? [] : addresses.filter(({ address }) => !forbiddenReason(address, reach));
      const [first] = allowed;
      if (error || !first) found(error ?? new OutgoingError('the host has no address that may be asked'), '', 0);
      else if (query.all) found(null, allowed);
      else found(null, first.address, first.family);
    });
}

/** Refuses a URL that must not be asked, whatever its name resolves to. */
export function checkUrl(
  { protocol, hostname, username }: URL,
  { reach, http }: { reach: Reach; http: boolean },
): void {
  if (protocol !== 'https:' && !(http && protocol === 'http:'))
    throw new OutgoingError(http ? 'only http and https' : 'only https');
  if (username !== '') throw new OutgoingError('no user name in the URL');
  // A literal address is dialled without being looked up.
  const literal = hostname.replace(/^\[|\]$/g, '');
  const reason = isIP(literal) ? forbiddenReason(literal, reach) : undefined;
  if (reason) throw new OutgoingError(`the host is ${reason}`);
}
