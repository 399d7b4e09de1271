import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { forbiddenReason, type Reach } from './addresses.js';
import { OutgoingError } from './errors.js';

/** Finds the addresses of a name. */
export type Resolve = (hostname: string, query: LookupOptions) => Promise<LookupAddress[]>;

type Found = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** The resolver of the system. */
const ofTheSystem: Resolve = (hostname, query) => lookup(hostname, { ...query, all: true });

/**
 * Resolves names for a connection, to addresses that may be asked only: they are looked at after the name was resolved, and dialled as
 * they were looked at. Other than for `private`, one forbidden address makes the whole name forbidden.
 */
export function guardedLookup(
  reach: Reach,
  resolve: Resolve = ofTheSystem,
): (hostname: string, query: LookupOptions, found: Found) => void {
  return (hostname, query, found) => {
    resolve(hostname, query)
      .then((addresses) => allowedOf(addresses, reach))
      .then(
        (allowed) => (query.all ? found(null, allowed) : found(null, allowed[0].address, allowed[0].family)),
        (error: Error) => found(error, '', 0),
      );
  };
}

function allowedOf(addresses: LookupAddress[], reach: Reach): [LookupAddress, ...LookupAddress[]] {
  const [first, ...rest] = addresses.filter(({ address }) => !forbiddenReason(address, reach));
  if (!first) throw new OutgoingError('the host has no address that may be asked');
  // A name that leads both out and in is either a mistake or an attempt to get in.
  if (reach !== 'private' && rest.length + 1 < addresses.length)
    throw new OutgoingError('the host also has an address that may not be asked');
  return [first, ...rest];
}

/** Refuses a URL that must not be asked, whatever its name resolves to. */
export function checkUrl(
  { protocol, hostname, username, password }: URL,
  { reach, http }: { reach: Reach; http: boolean },
): void {
  if (protocol !== 'https:' && !(http && protocol === 'http:'))
    throw new OutgoingError(http ? 'only http and https' : 'only https');
  if (username !== '' || password !== '') throw new OutgoingError('no user name in the URL');
  checkHost(hostname, reach);
}

/** Refuses a literal address that must not be asked, with or without brackets: it is dialled without being looked up. */
export function checkHost(hostname: string, reach: Reach): void {
  const literal = hostname.replace(/^\[|\]$/g, '');
  const reason = isIP(literal) ? forbiddenReason(literal, reach) : undefined;
  if (reason) throw new OutgoingError(`the host is ${reason}`);
}
