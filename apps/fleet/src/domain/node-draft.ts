import {
  monitorFlags,
  type ConfiguredNode,
  type MonitorFlag,
  type NodeDraft,
  type NodeSecret,
} from '@lapwing/contracts';
import { fullTokenName, normalizeFingerprint, normalizeHost } from './node-host.js';

/** What of a node its draft decides. */
export type NodeFields = Pick<
  ConfiguredNode,
  'type' | 'name' | 'host' | 'user' | 'tokenName' | 'fingerprint' | 'caCertificate' | 'verifySSL' | 'monitor'
>;

/** A node that may be kept, with its secrets; or what keeps it from being one. */
export type Judged =
  { fields: NodeFields; secret: NodeSecret } | { problem: string; code: 'INVALID_INPUT' | 'SECRET_REQUIRED' };

const USER = /^[^\s:/!@]{1,64}@[A-Za-z][A-Za-z0-9._-]{0,63}$/;
const TOKEN = /^[^\s:/!@]{1,64}@[A-Za-z][A-Za-z0-9._-]{0,63}![A-Za-z][A-Za-z0-9._-]{0,127}$/;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/;

const invalid = (problem: string): Judged => ({ problem, code: 'INVALID_INPUT' });

/**
 * Merges what is given into what is known of a node, and judges whether it can be asked with that.
 *
 * An empty secret keeps the one that is known, as long as host, user and token name stay: otherwise whoever may change nodes, but not read their
 * secrets, could have them sent to a host of his own.
 */
export function judgeDraft(
  draft: Partial<NodeDraft> & Pick<NodeDraft, 'type'>,
  known?: { fields: NodeFields; secret: NodeSecret },
): Judged {
  const before = known?.fields;
  const found = normalizeHost(draft.type, draft.host ?? before?.host ?? '');
  if ('problem' in found) return invalid(found.problem);
  const fingerprint = normalizeFingerprint(draft.fingerprint ?? before?.fingerprint ?? '');
  if (fingerprint === undefined) return invalid('"fingerprint" must be a SHA-256 in hexadecimal, 64 digits');
  const caCertificate = (draft.caCertificate ?? before?.caCertificate ?? '').trim();
  if (caCertificate !== '' && !CERTIFICATE.test(caCertificate)) return invalid('"caCertificate" must be PEM');
  const user = (draft.user ?? before?.user ?? '').trim();
  if (user !== '' && !USER.test(user)) return invalid('"user" must have its realm, e.g. monitor@pve');
  const tokenName = fullTokenName((draft.tokenName ?? before?.tokenName ?? '').trim(), user);
  if (tokenName === undefined || (tokenName !== '' && !TOKEN.test(tokenName)))
    return invalid('"tokenName" must be user@realm!name, or a name beside a "user"');
  const fields: NodeFields = {
    type: draft.type,
    name: draft.name?.trim() || (before?.name ?? new URL(found.host).hostname.replace(/^\[|\]$/g, '')),
    host: found.host,
    user,
    tokenName,
    fingerprint,
    caCertificate,
    verifySSL: draft.verifySSL ?? before?.verifySSL ?? true,
    monitor: { ...before?.monitor, ...flagsOf(draft) },
  };
  return withSecret(fields, draft, known);
}

function withSecret(
  fields: NodeFields,
  draft: Partial<NodeDraft>,
  known: { fields: NodeFields; secret: NodeSecret } | undefined,
): Judged {
  const moved = known !== undefined && known.fields.host !== fields.host;
  const kept = known && !moved ? known.secret : { password: '', tokenValue: '' };
  const sameToken = known?.fields.tokenName === fields.tokenName;
  const sameUser = known?.fields.user === fields.user;
  const secret = {
    password: draft.password || (sameUser ? kept.password : ''),
    tokenValue: fields.tokenName === '' ? '' : draft.tokenValue || (sameToken ? kept.tokenValue : ''),
  };
  if (secret.password !== '' && fields.user === '')
    return invalid('"user" is required with a password, e.g. monitor@pve');
  if (draft.tokenValue && fields.tokenName === '') return invalid('"tokenName" is required with a "tokenValue"');
  if (secret.password === '' && secret.tokenValue === '') {
    const problem = moved
      ? 'the host has changed: give the password or the token value anew'
      : 'give "user" and "password", or "tokenName" and "tokenValue"';
    return { problem, code: 'SECRET_REQUIRED' };
  }
  return { fields, secret };
}

function flagsOf(draft: Partial<NodeDraft>): Partial<Record<MonitorFlag, boolean>> {
  return Object.fromEntries(
    monitorFlags.flatMap((name) => {
      const value = draft[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
