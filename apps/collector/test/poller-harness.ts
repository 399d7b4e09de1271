import { Bus, EventFeed } from '@lapwing/bus';
import {
  defaultSystemSettings,
  nodeChanged,
  sealedFor,
  settingsGet,
  targetList,
  targetObserved,
  targetSampled,
  type NodeSecret,
  type Observation,
  type PayloadOf,
  type SectionItem,
  type SectionName,
  type Target,
} from '@lapwing/contracts';
import { SecretKey } from '@lapwing/service';
import { NatsServer, eventually, type ProxmoxServer } from '@lapwing/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { loadPollerConfig } from '../src/config';
import { PollerModule } from '../src/poller.module';

const KEY = 'cd'.repeat(32);
const key = new SecretKey(Buffer.from(KEY, 'hex'));

/** Pollers on a real bus; what is to be polled is said by a fleet that is played here. */
export class Pollers {
  targets: Target[] = [];
  settings = { ...defaultSystemSettings, pollingInterval: 5 };
  readonly seen: Observation[] = [];
  readonly samples: PayloadOf<typeof targetSampled>[] = [];
  readonly #running: INestApplicationContext[] = [];
  #feeds: { stop(): Promise<void> }[] = [];

  private constructor(
    readonly nats: NatsServer,
    readonly bus: Bus,
  ) {}

  static async start(): Promise<Pollers> {
    const nats = await NatsServer.start();
    const bus = new Bus({ service: 'fleet', servers: nats.url });
    bus.onModuleInit();
    await eventually(() => bus.online);
    const pollers = new Pollers(nats, bus);
    bus.respond(targetList, async () => ({ targets: pollers.targets }));
    bus.respond(settingsGet, async () => pollers.settings);
    const observed = new EventFeed(bus, targetObserved, ({ payload }) => pollers.seen.push(payload));
    const sampled = new EventFeed(bus, targetSampled, ({ payload }) => pollers.samples.push(payload));
    observed.start();
    sampled.start();
    pollers.#feeds = [observed, sampled];
    return pollers;
  }

  /** Starts one more poller. */
  async run(): Promise<INestApplicationContext> {
    const config = loadPollerConfig({ NATS_URL: this.nats.url, LAPWING_SECRET_KEY: KEY });
    const app = await NestFactory.createApplicationContext(PollerModule.register(config), { logger: false });
    this.#running.push(app);
    return app;
  }

  async stop(): Promise<void> {
    for (const app of this.#running.splice(0)) await app.close();
    for (const feed of this.#feeds) await feed.stop();
    await this.bus.onApplicationShutdown();
    await this.nats.stop();
  }

  /** Says what is to be polled from now on. */
  async poll(...targets: Target[]): Promise<void> {
    this.targets = targets;
    const change = { change: 'updated' as const, type: 'pve' as const, name: '', host: '', time: Date.now() };
    for (const { id } of targets.length > 0 ? targets : [{ id: 'pve-none' }])
      await this.bus.publish(nodeChanged, id, { nodeId: id, ...change });
  }

  /** What was said last of a section of a target, all parts together; undefined when nothing was. */
  latest<S extends SectionName>(section: S, targetId = 'pve-1'): SectionItem<S>[] | undefined {
    const all = this.seen.filter((one) => one.targetId === targetId && one.section === section);
    const last = all.at(-1);
    if (!last) return undefined;
    const parts = Array.from({ length: last.parts }, (_, part) =>
      all.findLast((one) => one.part === part && one.parts === last.parts),
    );
    return parts.flatMap((part) => (part?.items ?? []) as SectionItem<S>[]);
  }

  /** Waits for a section to be as it should. */
  section<S extends SectionName>(
    section: S,
    check: (items: SectionItem<S>[]) => void,
    { targetId = 'pve-1', withinMs = 20_000 } = {},
  ): Promise<void> {
    return eventually(() => {
      const items = this.latest(section, targetId);
      if (!items) throw new Error(`nothing was said of ${section}`);
      check(items);
    }, withinMs);
  }
}

/** A target, with a token unless a password is given. */
export function targetOf(
  { url, fingerprint }: Pick<ProxmoxServer, 'url' | 'fingerprint'>,
  changes: Partial<Target> & { secret?: Partial<NodeSecret> } = {},
): Target {
  const { secret = { tokenValue: 'token-secret' }, ...fields } = changes;
  const id = fields.id ?? 'pve-1';
  const full: NodeSecret = { password: '', tokenValue: '', ...secret };
  return {
    id,
    type: 'pve',
    name: 'home',
    host: url,
    user: 'root@pam',
    tokenName: 'pulse-monitor@pam!lapwing',
    hasPassword: full.password !== '',
    hasToken: full.tokenValue !== '',
    fingerprint,
    caCertificate: '',
    verifySSL: true,
    monitor: {},
    source: 'manual',
    createdAt: 1,
    updatedAt: Date.now(),
    sealed: key.seal(sealedFor(id), JSON.stringify(full)).toString('base64'),
    ...fields,
  };
}
