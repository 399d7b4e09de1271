import type { Random } from './random.js';
import { GiB, day, nowSeconds } from './units.js';

/** The queues of Postfix that Proxmox Mail Gateway shows. */
export const mailQueues = ['deferred', 'active', 'incoming', 'hold'] as const;
/** One of them. */
export type MailQueue = (typeof mailQueues)[number];

/** A mail that waits. `arrival` in Unix seconds, `size` in bytes. */
export interface QueuedMail {
  id: string;
  arrival: number;
  size: number;
  sender: string;
  receiver: string;
  reason: string;
}

/** A node of a mail gateway. */
export interface MailNode {
  readonly name: string;
  readonly cid: number;
  readonly address: string;
  readonly role: 'master' | 'node';
  online: boolean;
  /** Fraction, 0 to 1. */
  cpu: number;
  memory: { total: number; used: number };
  rootfs: { total: number; used: number };
  /** Unix milliseconds. */
  bootedAt: number;
  queues: Record<MailQueue, QueuedMail[]>;
}

/** What a mail gateway has seen and holds. Every field may be changed. */
export interface MailGateway {
  nodes: Map<string, MailNode>;
  /** Mails an hour, and what share of those that come in is what. */
  traffic: { in: number; out: number; spam: number; virus: number; bounce: number; greylisted: number };
  /** Bytes of a mean mail. */
  meanSize: number;
  quarantine: { spam: { count: number; meanLevel: number }; virus: { count: number } };
}

/** Builds one of two nodes. */
export function buildMailGateway(random: Random): MailGateway {
  const nodes = [1, 2].map((cid) => mailNode(random, cid));
  return {
    nodes: new Map(nodes.map((node) => [node.name, node])),
    traffic: {
      in: random.integer(400, 900),
      out: random.integer(100, 300),
      spam: 0.31,
      virus: 0.004,
      bounce: 0.02,
      greylisted: 0.05,
    },
    meanSize: 74_000,
    quarantine: { spam: { count: random.integer(100, 600), meanLevel: 7.4 }, virus: { count: random.integer(2, 20) } },
  };
}

function mailNode(random: Random, cid: number): MailNode {
  const some = (count: number, age: number): QueuedMail[] =>
    Array.from({ length: count }, () => queued(random, random.integer(1, age)));
  return {
    name: `pmg${cid}`,
    cid,
    address: `10.30.0.${10 + cid}`,
    role: cid === 1 ? 'master' : 'node',
    online: true,
    cpu: Number(random.between(0.03, 0.3).toFixed(4)),
    memory: { total: 8 * GiB, used: Math.round(random.between(0.4, 0.7) * 8 * GiB) },
    rootfs: { total: 40 * GiB, used: Math.round(random.between(0.2, 0.5) * 40 * GiB) },
    bootedAt: Date.now() - 33 * day * 1000,
    queues: { deferred: some(12, 9000), active: some(3, 20), incoming: some(1, 5), hold: [] },
  };
}

/** A mail that has been waiting that many seconds. */
export function queued(random: Random, age: number): QueuedMail {
  return {
    id: random.hex(10).toUpperCase(),
    arrival: nowSeconds() - age,
    size: random.integer(2_000, 900_000),
    sender: `user${random.integer(1, 99)}@example.org`,
    receiver: `someone${random.integer(1, 99)}@${random.pick(['example.com', 'example.net'])}`,
    reason: 'connect to mx.example.com[192.0.2.25]:25: Connection timed out',
  };
}

/** What was counted in that many hours, as a fraction too. */
export function mailCounts(gateway: MailGateway, hours: number): Record<string, number> {
  const { traffic } = gateway;
  const [incoming, outgoing] = [Math.round(traffic.in * hours), Math.round(traffic.out * hours)];
  const share = (part: number): number => Math.round(incoming * part);
  return {
    count: incoming + outgoing,
    count_in: incoming,
    count_out: outgoing,
    spamcount_in: share(traffic.spam),
    spamcount_out: 0,
    viruscount_in: share(traffic.virus),
    viruscount_out: 0,
    bounces_in: share(traffic.bounce),
    bounces_out: Math.round(outgoing * traffic.bounce),
    rbl_rejects: share(0.12),
    pregreet_rejects: share(0.03),
  };
}
