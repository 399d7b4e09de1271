import { z } from 'zod';
import { AgentId } from './agent.js';
import { event, inquiry, request } from './define.js';
import { hostParts } from './host-sample.js';
import { patternSize } from './log-pattern.js';
import { Actor, Address } from './identity.js';
import { RefreshInterval } from './settings.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);
const line = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'no control characters');

/**
 * How an agent is.
 * `pending`: asks to be let in. `quarantined`: asks under an id that another machine has, or runs twice. `rejected`: may ask again later.
 * `revoked`: its credentials are void. The others are approved: `online` is heard in time, `stale` missed a beat, `offline` missed three.
 */
export const agentStatuses = ['pending', 'quarantined', 'rejected', 'revoked', 'online', 'stale', 'offline'] as const;
/** One of {@link agentStatuses}. */
export type AgentStatus = (typeof agentStatuses)[number];

/** The public NKey of an agent. */
const PublicKey = z.string().regex(/^U[A-Z2-7]{55}$/, 'a public NKey of a user: U and 55 of the characters A-Z 2-7');

/** What a host tells of itself when it asks to be let in. */
export const AgentFacts = z.object({
  hostname: line(255),
  /** As Go names it: amd64, arm64, arm, 386, riscv64 … */
  architecture: line(32),
  os: line(32),
  /** Version of the collector. */
  version: line(64),
  /** SHA-256 of what tells this machine from its copies, hexadecimal. */
  machine: z.string().regex(/^[0-9a-f]{64}$/),
});
/** See {@link AgentFacts}. */
export type AgentFacts = z.infer<typeof AgentFacts>;

/** A text encoding of a log file. What is not valid in it survives as U+FFFD. */
export const logEncodings = ['utf-8', 'utf-16le', 'latin1'] as const;

/** How large the pattern may be that begins an entry: an agent looks at every line of a file by it. */
export const MAX_ENTRY_START_SIZE = 100;

/** A log that an agent is to read: the journal, all containers, what processes under a process manager print, or files. */
export const LogSource = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('journal') }),
  z.object({ kind: z.literal('docker') }),
  z.object({ kind: z.literal('service') }),
  z.object({
    kind: z.literal('file'),
    path: line(1024).regex(/^\/[^\0]*$/, 'an absolute path; * stands for names'),
    encoding: z.enum(logEncodings).optional(),
    /** A line that matches begins a new entry, what does not belongs to the entry before; in the syntax of RE2. Without it each line is one. */
    entryStart: line(500)
      .min(1)
      .refine((pattern) => patternSize(pattern) <= MAX_ENTRY_START_SIZE, 'a pattern that repeats less')
      .optional(),
  }),
]);
/** See {@link LogSource}. */
export type LogSource = z.infer<typeof LogSource>;

/** What agents read of logs where nobody has said otherwise; what a host does not have is passed over. */
export const defaultLogSources: readonly LogSource[] = [{ kind: 'journal' }, { kind: 'docker' }, { kind: 'service' }];

/** What an agent is to do. */
export const AgentSettings = z.object({
  refreshInterval: RefreshInterval,
  /** The parts of the host that are read. */
  sources: z.array(z.enum(hostParts)).max(hostParts.length),
  logSources: z.array(LogSource).max(50),
});
/** See {@link AgentSettings}. */
export type AgentSettings = z.infer<typeof AgentSettings>;

/** What is set for one agent alone; `null` and what is missing leave the system's setting in force. */
export const AgentOverride = z.object({
  refreshInterval: RefreshInterval.nullable().optional(),
  sources: AgentSettings.shape.sources.nullable().optional(),
  logSources: AgentSettings.shape.logSources.nullable().optional(),
});
/** See {@link AgentOverride}. */
export type AgentOverride = z.infer<typeof AgentOverride>;

/** What an agent says that it runs. */
export const AgentReport = AgentSettings.extend({
  agentId: AgentId,
  /** Names one run of the process: two that alternate are two machines with one identity. */
  instance: z.string().regex(/^[a-z0-9]{8,32}$/),
  version: line(64),
  hostname: line(255),
  startedAt: Instant,
  /** Settings that this version does not know how to follow. */
  unsupported: z.array(line(64)).max(20),
});
/** See {@link AgentReport}. */
export type AgentReport = z.infer<typeof AgentReport>;

/** An agent says what it runs: at its start, after each change, and every half minute. Key: the agent. */
export const agentReported = event('evt.agent.reported.v1', null, AgentReport, ({ agentId }) => agentId);

/** The settings of an agent are now these. Key: the agent. */
export const agentConfigured = event('evt.agent.configured.v1', null, AgentSettings);

/** An agent asks for its settings. */
export const agentSettingsGet = inquiry('fleet', 'settings.get.v1', { input: z.object({}), output: AgentSettings });

/** An agent as the fleet knows it. */
export const Agent = z.object({
  id: AgentId,
  name: z.string(),
  hostname: z.string(),
  architecture: z.string(),
  os: z.string(),
  version: z.string(),
  status: z.enum(agentStatuses),
  /** When a message of it came last; null when none ever did. */
  lastSeenAt: Instant.nullable(),
  /** When it was let in or added; null while it waits. */
  registeredAt: Instant.nullable(),
  /** When it asked to be let in; null when it never did. */
  requestedAt: Instant.nullable(),
  /** The public key (NKey) with which it asks or connects. */
  fingerprint: z.string().nullable(),
  /** Where it asked from. */
  address: Address.nullable(),
  override: AgentOverride,
  /** What it said last that it runs. */
  running: AgentReport.omit({ agentId: true }).nullable(),
});
/** See {@link Agent}. */
export type Agent = z.infer<typeof Agent>;

/** Something about an agent is not as it was. Key: the agent. */
export const agentChanged = event(
  'evt.agent.changed.v1',
  'EVENTS',
  z.object({
    agentId: AgentId,
    /** What happened. */
    change: z.enum([
      'requested',
      'quarantined',
      'approved',
      'rejected',
      'added',
      'revoked',
      'deleted',
      'status',
      'settings',
    ]),
    status: z.enum(agentStatuses).nullable(),
    /** One sentence for people. */
    message: z.string(),
    time: Instant,
  }),
  ({ agentId }) => agentId,
);

const ById = z.object({ id: AgentId });
const ByActor = z.object({ actor: Actor, id: AgentId });

/** The registered agents by id, in pages. */
export const agentList = request('req.fleet.agent.list.v1', {
  input: z.object({ after: z.string().max(64).default(''), limit: z.int().min(1).max(500).default(500) }),
  output: z.object({ agents: z.array(Agent), next: AgentId.nullable() }),
});
/** One registered agent; `NOT_FOUND`. */
export const agentGet = request('req.fleet.agent.get.v1', { input: ById, output: Agent });
/** Adds an agent by hand, and makes the token with which it enrols without waiting; `AGENT_EXISTS`. */
export const agentCreate = request('req.fleet.agent.create.v1', {
  input: ByActor.extend({ name: line(128).min(1) }),
  output: z.object({ agent: Agent, enrollmentToken: z.string(), expiresAt: Instant }),
});
/** Ends an agent's credentials and forgets it; its history stays. `NOT_FOUND`. */
export const agentDelete = request('req.fleet.agent.delete.v1', {
  input: ByActor,
  output: z.object({}),
  deadlineMs: 15_000,
});
/** Ends an agent's credentials on every NATS server; done again, it does no harm. `NOT_FOUND`. */
export const agentRevoke = request('req.fleet.agent.revoke.v1', { input: ByActor, output: Agent, deadlineMs: 15_000 });
/** Sets what holds for one agent alone. `NOT_FOUND`. */
export const agentConfigure = request('req.fleet.agent.configure.v1', {
  input: ByActor.extend({ override: AgentOverride }),
  output: Agent,
});

/** Those who ask to be let in, the oldest first. */
export const registrationList = request('req.fleet.registration.list.v1', {
  input: z.object({}),
  output: z.object({ agents: z.array(Agent) }),
});
/** Which of those who wait under one id is meant: its public key. */
export const Fingerprint = PublicKey.optional();
const OneWaiting = ByActor.extend({ fingerprint: Fingerprint });

/**
 * Lets one in; `NOT_FOUND`, `ALREADY_APPROVED`, and `AGENT_CLONE` when the id belongs to another machine, or several ask for it and it is not
 * said which is meant.
 */
export const registrationApprove = request('req.fleet.registration.approve.v1', {
  input: OneWaiting,
  output: Agent,
  deadlineMs: 15_000,
});
/** Refuses one for an hour, or all who wait under the id; `NOT_FOUND`. */
export const registrationReject = request('req.fleet.registration.reject.v1', {
  input: OneWaiting,
  output: z.object({}),
});

/** What an agent signs with its key when it asks to be let in, so that nobody can ask in its name. */
export function enrollmentProof(ask: { id: string; publicKey: string; machine: string; time: number }): string {
  return ['lapwing enrollment 1', ask.id, ask.publicKey, ask.machine, ask.time].join('\n');
}

/** An agent asks to be let in, or for new credentials. */
export const Enrollment = AgentFacts.extend({
  id: AgentId,
  name: line(128).min(1).optional(),
  /** Its NKey: a user's public key. The seed never leaves the host. */
  publicKey: PublicKey,
  /** A token made by an administrator, which saves the wait. */
  token: z.string().max(128).optional(),
  /** When it asked, milliseconds since 1970. */
  time: Instant,
  /** Ed25519 signature of {@link enrollmentProof}, base64. */
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/, 'an Ed25519 signature in base64'),
});
/** See {@link Enrollment}. */
export type Enrollment = z.infer<typeof Enrollment>;

/** What came of it. */
export const Enrolled = z.discriminatedUnion('status', [
  z.object({ status: z.enum(['pending', 'quarantined']), id: AgentId, retryAfterMs: z.int() }),
  z.object({
    status: z.literal('approved'),
    id: AgentId,
    /** Proves to NATS who the agent is; worth nothing without its key. Null where NATS lets everybody in. */
    jwt: z.string().nullable(),
    expiresAt: Instant.nullable(),
    /** Addresses of NATS; `{host}` stands for the host at which the agent asked. */
    servers: z.array(z.string()).min(1),
  }),
]);
/** See {@link Enrolled}. */
export type Enrolled = z.infer<typeof Enrolled>;

/** Asks to be let in; `AGENT_REVOKED`, `AGENT_REJECTED`, `ENROLLMENT_TOKEN_INVALID`, `CLOCK_SKEW`, `RATE_LIMITED`. */
export const agentEnroll = request('req.fleet.agent.enroll.v1', {
  input: Enrollment.extend({ address: Address }),
  output: Enrolled,
});
