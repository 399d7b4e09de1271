import { encodeAccount, encodeOperator } from '@nats-io/jwt';
import { createAccount, createOperator, createUser, fromSeed, type KeyPair } from '@nats-io/nkeys';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { issueUser, writeCredentials } from './credentials.js';
import { busServices, inboxOf, servicePermissions } from './permissions.js';

/** Everything that an account may use. */
const UNLIMITED = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
};
/** JetStream is off in an account without these, and must be in the system account. */
const JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

const AUTHORITY = 'authority.json';

/** What fleet needs to let agents in and to shut them out. */
export interface AuthorityKeys {
  /** Public key of Lapwing's account. */
  account: string;
  /** Seeds of the signing keys: the account's signs users, the operator's signs the account. */
  accountSigningSeed: string;
  operatorSigningSeed: string;
  /** Credentials of a user of the system account that may tell the servers about accounts, and nothing else. */
  system: { jwt: string; seed: string };
}

/** The account as the servers get it: who may sign its users, and which users are revoked. */
export function encodeBusAccount(
  keys: Pick<AuthorityKeys, 'account' | 'accountSigningSeed' | 'operatorSigningSeed'>,
  revoked: Record<string, number>,
): Promise<string> {
  const signing = fromSeed(Buffer.from(keys.accountSigningSeed)).getPublicKey();
  const account = { limits: { ...UNLIMITED, ...JETSTREAM }, signing_keys: [signing], revocations: revoked };
  return encodeAccount('LAPWING', keys.account, account, {
    signer: fromSeed(Buffer.from(keys.operatorSigningSeed)),
  });
}

/**
 * Makes the keys of the bus in a folder, and with them
 * - `auth.conf`, which the configuration of every NATS server includes,
 * - `credentials/<service>.creds`, one for each service,
 * - `authority.json`, for fleet alone,
 * - `root/`: the identity keys of operator and accounts, which nothing reads while Lapwing runs. They may be taken away to a safe place.
 *
 * Keys that are there are kept; credentials are written anew, because a newer version may grant other permissions.
 */
export async function makeBusKeys(folder: string): Promise<void> {
  for (const part of ['', 'root', 'credentials']) mkdirSync(path.join(folder, part), { recursive: true, mode: 0o700 });
  const file = path.join(folder, AUTHORITY);
  if (!existsSync(file)) await makeAuthority(folder, file);
  const keys = readAuthority(file);
  const issuer = { account: keys.account, signingSeed: keys.accountSigningSeed };
  for (const service of busServices) {
    const user = keyOf(path.join(folder, 'credentials', `${service}.seed`), createUser);
    const permissions = servicePermissions(service);
    const jwt = await issueUser(issuer, { name: service, publicKey: user.getPublicKey(), permissions });
    keep(path.join(folder, 'credentials', `${service}.creds`), writeCredentials({ jwt, seed: seedOf(user) }));
  }
}

/** Reads `authority.json`. */
export function readAuthority(file: string): AuthorityKeys {
  return JSON.parse(readFileSync(file, 'utf8')) as AuthorityKeys;
}

async function makeAuthority(folder: string, file: string): Promise<void> {
  const root = (name: string, make: () => KeyPair) => keyOf(path.join(folder, 'root', `${name}.seed`), make);
  const operator = root('operator', createOperator);
  const account = root('account', createAccount);
  const system = root('system', createAccount);
  const [operatorSigner, accountSigner, systemUser] = [createOperator(), createAccount(), createUser()];
  const operatorJwt = await encodeOperator('lapwing', operator, {
    signing_keys: [operatorSigner.getPublicKey()],
    system_account: system.getPublicKey(),
  });
  const systemJwt = await encodeAccount('SYS', system, { limits: UNLIMITED }, { signer: operator });
  const keys: AuthorityKeys = {
    account: account.getPublicKey(),
    accountSigningSeed: seedOf(accountSigner),
    operatorSigningSeed: seedOf(operatorSigner),
    system: {
      jwt: await issueUser(
        { account: system.getPublicKey(), signingSeed: seedOf(system) },
        { name: 'fleet', publicKey: systemUser.getPublicKey(), permissions: SYSTEM_USER },
      ),
      seed: seedOf(systemUser),
    },
  };
  const preload = [
    `  ${keys.account}: ${await encodeBusAccount(keys, {})}`,
    `  ${system.getPublicKey()}: ${systemJwt}`,
  ];
  const lines = [
    '# Made by "npm run nats:keys": who NATS believes. Holds no secrets.',
    `operator: ${operatorJwt}`,
    `system_account: ${system.getPublicKey()}`,
    'resolver_preload: {',
    ...preload,
    '}',
  ];
  writeFileSync(path.join(folder, 'auth.conf'), `${lines.join('\n')}\n`, { mode: 0o644 });
  keep(file, JSON.stringify(keys, null, 2));
}

const SYSTEM_USER = {
  pub: { allow: ['$SYS.REQ.CLAIMS.UPDATE'] },
  sub: { allow: [`${inboxOf('service', 'authority')}.>`] },
};

const seedOf = (pair: KeyPair): string => Buffer.from(pair.getSeed()).toString();

function keyOf(file: string, make: () => KeyPair): KeyPair {
  if (!existsSync(file)) keep(file, seedOf(make()));
  return fromSeed(Buffer.from(readFileSync(file, 'utf8').trim()));
}

function keep(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
}
