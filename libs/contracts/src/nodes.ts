import { z } from 'zod';
import { event, request } from './define.js';
import { Actor, Address } from './identity.js';
import { TargetId, nodeTypes } from './targets.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);
const line = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'no control characters');

/** What of a node is looked at, under the names that Pulse's clients know. */
export const monitorFlags = [
  'monitorVMs',
  'monitorContainers',
  'monitorStorage',
  'monitorBackups',
  'monitorPhysicalDisks',
  'monitorDatastores',
  'monitorSyncJobs',
  'monitorVerifyJobs',
  'monitorPruneJobs',
  'monitorGarbageJobs',
  'monitorMailStats',
  'monitorQueues',
  'monitorQuarantine',
  'monitorDomainStats',
] as const;
/** One of {@link monitorFlags}. */
export type MonitorFlag = (typeof monitorFlags)[number];

const flags = Object.fromEntries(monitorFlags.map((name) => [name, z.boolean().optional()])) as Record<
  MonitorFlag,
  z.ZodOptional<z.ZodBoolean>
>;

/** What a person says of a node that is to be polled. An empty secret is one that was not given. */
export const NodeDraft = z.object({
  type: z.enum(nodeTypes),
  name: line(128).optional(),
  /** Address with or without scheme and port. */
  host: line(512),
  /** With its realm, e.g. `monitor@pve`. */
  user: line(128).optional(),
  password: z.string().max(512).optional(),
  /** Name of an API token, with or without the user before it. */
  tokenName: line(256).optional(),
  tokenValue: z.string().max(512).optional(),
  /** SHA-256 of the one certificate that is accepted, hexadecimal. */
  fingerprint: line(128).optional(),
  /** Authorities beside those of the system, PEM. */
  caCertificate: z.string().max(65_536).optional(),
  verifySSL: z.boolean().optional(),
  ...flags,
});
/** See {@link NodeDraft}. */
export type NodeDraft = z.infer<typeof NodeDraft>;

/** A node that is polled, without its secrets. */
export const ConfiguredNode = z.object({
  id: TargetId,
  type: z.enum(nodeTypes),
  name: z.string(),
  /** `https://host:port`. */
  host: z.string(),
  user: z.string(),
  hasPassword: z.boolean(),
  /** `user@realm!name`; empty without a token. */
  tokenName: z.string(),
  hasToken: z.boolean(),
  fingerprint: z.string(),
  caCertificate: z.string(),
  verifySSL: z.boolean(),
  monitor: z.partialRecord(z.enum(monitorFlags), z.boolean()),
  /** Who set it up: a person, or the node itself with a setup code or token. */
  source: z.enum(['manual', 'registered']),
  createdAt: Instant,
  updatedAt: Instant,
});
/** See {@link ConfiguredNode}. */
export type ConfiguredNode = z.infer<typeof ConfiguredNode>;

/** What pollers get: a node with its secret, sealed with the installation's key for the purpose {@link sealedFor}. */
export const Target = ConfiguredNode.extend({ sealed: z.string() });
/** See {@link Target}. */
export type Target = z.infer<typeof Target>;

/** The secrets of a node, before they are sealed. */
export const NodeSecret = z.object({ password: z.string(), tokenValue: z.string() });
/** See {@link NodeSecret}. */
export type NodeSecret = z.infer<typeof NodeSecret>;

/** For which purpose the secrets of a node are sealed: those of one cannot be opened as another's. */
export const sealedFor = (id: string): string => `secrets of node ${id}`;

const ById = z.object({ actor: Actor, id: TargetId });

/** All configured nodes, by type and name. */
export const nodeList = request('req.fleet.node.list.v1', {
  input: z.object({}),
  output: z.object({ nodes: z.array(ConfiguredNode) }),
});
/** Adds a node. `INVALID_INPUT`, `NODE_EXISTS`, `SECRET_REQUIRED`. */
export const nodeCreate = request('req.fleet.node.create.v1', {
  input: z.object({ actor: Actor, draft: NodeDraft }),
  output: ConfiguredNode,
});
/**
 * Changes what is given of a node. An empty secret keeps the one that is there, unless the host changes: then it must be given anew.
 * `NOT_FOUND`, `INVALID_INPUT`, `NODE_EXISTS`, `SECRET_REQUIRED`.
 */
export const nodeUpdate = request('req.fleet.node.update.v1', {
  input: ById.extend({ changes: NodeDraft.partial() }),
  output: ConfiguredNode,
});
/** Forgets a node and its secrets. `NOT_FOUND`. */
export const nodeDelete = request('req.fleet.node.delete.v1', { input: ById, output: z.object({}) });

/** What came of an attempt to reach a node. */
export const ConnectionTest = z.object({
  success: z.boolean(),
  /** For people; without secrets. */
  message: z.string().max(1000),
  latencyMs: z.int(),
  isCluster: z.boolean(),
  nodeCount: z.int(),
  version: z.string().max(255),
  /** SHA-256 of the certificate that was shown; empty when there was none. */
  fingerprint: z.string().max(128),
});
/** See {@link ConnectionTest}. */
export type ConnectionTest = z.infer<typeof ConnectionTest>;

/** Tries to reach a node that is not saved, or with `id` a saved one with its own secrets. `NOT_FOUND`, `INVALID_INPUT`, `SECRET_REQUIRED`. */
export const nodeTest = request('req.fleet.node.test.v1', {
  input: z.union([z.object({ id: TargetId }), z.object({ draft: NodeDraft, complete: z.boolean() })]),
  output: ConnectionTest,
  deadlineMs: 14_000,
});
/** A poller tries to reach a node. */
export const connectionTest = request('req.poller.connection.test.v1', {
  input: Target,
  output: ConnectionTest,
  deadlineMs: 12_000,
});

/** What is to be polled, with sealed secrets; for pollers alone. */
export const targetList = request('req.fleet.target.list.v1', {
  input: z.object({}),
  output: z.object({ targets: z.array(Target) }),
});

/** A configured node is not as it was. Key: the node. */
export const nodeChanged = event(
  'evt.node.changed.v1',
  'EVENTS',
  z.object({
    nodeId: TargetId,
    change: z.enum(['added', 'registered', 'updated', 'deleted']),
    type: z.enum(nodeTypes),
    name: z.string(),
    host: z.string(),
    time: Instant,
  }),
  ({ nodeId }) => nodeId,
);

/** Makes a code with which one node may register itself, once and within five minutes. `INVALID_INPUT`, `RATE_LIMITED` beyond 20 open ones. */
export const setupcodeCreate = request('req.fleet.setupcode.create.v1', {
  input: z.object({ actor: Actor, type: z.enum(nodeTypes), host: line(512) }),
  output: z.object({
    /** Six characters of {@link SETUP_CODE}. */
    code: z.string(),
    /** The host as it is kept. */
    host: z.string(),
    expiresAt: Instant,
  }),
});
/** The form of a setup code: letters and digits that cannot be mistaken for one another. */
export const SETUP_CODE = /^[A-HJ-NP-Z2-9]{6}$/;

/**
 * A node registers itself, with a setup code or as somebody who may. One that is known by type and host gets the new secret.
 * `SETUP_CODE_INVALID`, `RATE_LIMITED` after five bad codes, `INVALID_INPUT`.
 */
export const nodeRegister = request('req.fleet.node.register.v1', {
  input: z.object({
    draft: NodeDraft,
    setupCode: z.string().max(64).nullable(),
    /** Who vouches for it, when there is no code. */
    actor: Actor.nullable(),
    address: Address,
  }),
  output: z.object({ node: ConfiguredNode, isNew: z.boolean() }),
});

/** What people note about a guest. Its id is `node:vmid`. */
export const GuestMetadata = z.object({
  id: z.string(),
  /** http or https; empty for none. */
  consoleUrl: z.string(),
  notes: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
});
/** See {@link GuestMetadata}. */
export type GuestMetadata = z.infer<typeof GuestMetadata>;

const webAddress = z
  .string()
  .max(2048)
  .refine((url) => url === '' || (/^https?:\/\//i.test(url) && URL.canParse(url)), 'an http or https URL, or empty');

/** What of it is to be changed. */
export const GuestMetadataChanges = z.object({
  consoleUrl: webAddress.optional(),
  notes: z.string().max(4096).optional(),
  description: z.string().max(4096).optional(),
  tags: z.array(line(128)).max(50).optional(),
});

const GuestId = z.object({ id: line(300).min(1) });
/** The notes about all guests, in pages of at most 500 kB, by id. */
export const guestmetadataList = request('req.fleet.guestmetadata.list.v1', {
  input: z.object({ after: z.string().max(300).default('') }),
  output: z.object({ guests: z.array(GuestMetadata), next: z.string().nullable() }),
});
/** The notes about one guest; empty ones where there are none. `INVALID_INPUT` for what is no id of a guest. */
export const guestmetadataGet = request('req.fleet.guestmetadata.get.v1', { input: GuestId, output: GuestMetadata });
/** Changes what is given. `INVALID_INPUT`. */
export const guestmetadataUpdate = request('req.fleet.guestmetadata.update.v1', {
  input: GuestId.extend({ actor: Actor, changes: GuestMetadataChanges }),
  output: GuestMetadata,
});
/** Removes the notes, if there are any. */
export const guestmetadataDelete = request('req.fleet.guestmetadata.delete.v1', {
  input: GuestId.extend({ actor: Actor }),
  output: z.object({}),
});

/** Somebody wants all who watch to see a message, e.g. to try whether they do. Key: `all`. */
export const noticePosted = event(
  'evt.notice.posted.v1',
  null,
  z.object({ title: z.string().max(200), message: z.string().max(1000), time: Instant }),
);
