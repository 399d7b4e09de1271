import {
  agentGrants,
  catalogue,
  commandSubject,
  eventSubject,
  grants,
  inquirySubject,
  serviceStopped,
  streamNames,
  subjectToken,
  type Grants,
} from '@lapwing/contracts';
import type { Permissions } from '@nats-io/jwt';
import { LEASES, LEASES_STREAM } from './lease-bucket.js';

/** The subjects under which answers to an agent or a service come: nobody else may listen there. */
export function inboxOf(kind: 'agent' | 'service', name: string): string {
  return `_INBOX.${kind}.${subjectToken(name)}`;
}

/** An answer may be given once, within a minute. */
const ANSWERS = { max: 1, ttl: 60 * 1_000_000_000 };

/**
 * What NATS lets an agent do: publish and hear what is about itself, ask in its own name, answer the commands that are meant for it. It reaches
 * no other agent's subjects, no requests, and not JetStream.
 */
export function agentPermissions(agentId: string): Permissions {
  const token = subjectToken(agentId);
  const about = (contract: (typeof agentGrants.says)[number]) => eventSubject(contract, agentId);
  return {
    pub: { allow: [...agentGrants.says.map(about), `ask.${token}.>`] },
    sub: { allow: [...agentGrants.hears.map(about), `cmd.${token}.>`, `${inboxOf('agent', agentId)}.>`] },
    resp: ANSWERS,
  };
}

/** The name of a service that has a user of its own on the bus. */
export type BusService = keyof typeof grants;

/** The services that have users of their own on the bus. */
export const busServices = Object.keys(grants) as BusService[];

/** Every durable consumer: whoever may make consumers must leave these alone. */
const durables = Object.values(grants).flatMap(({ consumes }) =>
  consumes.map(({ contract, durable }) => ({ stream: contract.stream, durable })),
);

/** What NATS lets a service do: exactly its {@link grants}. */
export function servicePermissions(service: BusService): Permissions {
  const own = grants[service];
  const answers = catalogue.some((contract) => contract.kind === 'request' && contract.service === service);
  return {
    pub: {
      allow: [
        ...askable(own).allow,
        ...own.says.map((contract) => eventSubject(contract, '*')),
        ...(answers ? [eventSubject(serviceStopped, service)] : []),
        ...own.commands.map((contract) => commandSubject(contract, '*')),
        ...(own.consumes.length > 0 ? ['dead.>'] : []),
        ...jetStreamSubjects(own),
      ],
      deny: [...askable(own).deny, ...(own.follows.length > 0 ? othersConsumers(own) : [])],
    },
    sub: {
      allow: [
        ...(answers ? [`req.${service}.>`] : []),
        ...catalogue.flatMap((contract) =>
          contract.kind === 'inquiry' && contract.service === service ? [inquirySubject(contract, '*')] : [],
        ),
        ...own.hears.map((contract) => eventSubject(contract, '*')),
        ...own.consumes.map(
          ({ contract, durable }) => `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${contract.stream}.${durable}`,
        ),
        `${inboxOf('service', service)}.>`,
      ],
    },
    resp: ANSWERS,
  };
}

/** With so many subjects at most that are closed to one who may ask all else of a service, one subject opens the rest. */
const MAX_CLOSED = 2;

/**
 * What a service may ask; where that is all of another service, or nearly all, one subject says so: a JWT must fit into NATS' control line
 * of 4 kB.
 */
function askable({ asks }: Grants): { allow: string[]; deny: string[] } {
  const names = asks.map(({ name }) => name);
  const parts = [...new Set(asks.map(({ service }) => service))].map((service) => {
    const all = catalogue.flatMap((contract) =>
      contract.kind === 'request' && contract.service === service ? [contract.name] : [],
    );
    const closed = shortened(
      all.filter((name) => !names.includes(name)),
      all,
    );
    if (closed.length <= MAX_CLOSED && closed.length < all.length - 1)
      return { allow: [`req.${service}.>`], deny: closed };
    return { allow: names.filter((name) => name.startsWith(`req.${service}.`)), deny: [] };
  });
  return { allow: parts.flatMap(({ allow }) => allow), deny: parts.flatMap(({ deny }) => deny) };
}

/** Requests, and where all about one noun are among them, one subject for these. */
function shortened(closed: string[], all: string[]): string[] {
  const noun = (name: string): string => name.split('.').slice(0, 3).join('.');
  const isWhole = (prefix: string): boolean =>
    all.filter((name) => noun(name) === prefix).every((name) => closed.includes(name));
  return [...new Set(closed.map((name) => (isWhole(noun(name)) ? `${noun(name)}.>` : name)))];
}

/** Subjects of JetStream's API (NATS ADR-1 and the server's jetstream_api.go, 2.9 and later). */
function jetStreamSubjects({ consumes, follows, leases, makesStreams }: Grants): string[] {
  const consumed = consumes.flatMap(({ contract: { stream }, durable }) => [
    `$JS.API.CONSUMER.INFO.${stream}.${durable}`,
    `$JS.API.CONSUMER.CREATE.${stream}.${durable}`,
    `$JS.API.CONSUMER.CREATE.${stream}.${durable}.>`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${durable}`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.ACK.${stream}.${durable}.>`,
  ]);
  const followed = follows.flatMap(({ stream }) => [
    `$JS.API.STREAM.MSG.GET.${stream}`,
    // One word stands for create, info and delete.
    `$JS.API.CONSUMER.*.${stream}.>`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
  ]);
  const claimed = leases ? [`$KV.${LEASES}.>`, `$JS.API.DIRECT.GET.${LEASES_STREAM}.>`] : [];
  const made = [...streamNames, LEASES_STREAM].flatMap((stream) => [
    `$JS.API.STREAM.CREATE.${stream}`,
    `$JS.API.STREAM.UPDATE.${stream}`,
  ]);
  return [
    // How full streams are is no secret among services.
    '$JS.API.STREAM.INFO.*',
    ...new Set([...consumed, ...followed, ...claimed, ...(makesStreams ? made : [])]),
  ];
}

/** The durable consumers of others in the streams that are followed, which somebody who makes consumers with any name could change, drain or delete. */
function othersConsumers(own: Grants): string[] {
  return durables
    .filter(
      ({ stream, durable }) =>
        own.follows.some((followed) => followed.stream === stream) &&
        !own.consumes.some((consumed) => consumed.durable === durable),
    )
    .flatMap(({ stream, durable }) => [
      `$JS.API.CONSUMER.*.${stream}.${durable}`,
      `$JS.API.CONSUMER.*.${stream}.${durable}.>`,
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
    ]);
}
