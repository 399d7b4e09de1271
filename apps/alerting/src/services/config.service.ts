import type { Bus } from '@lapwing/bus';
import {
  AlertConfig,
  LapwingError,
  alertingChanged,
  defaultAlertConfig,
  type Actor,
  type LogRule,
  type LogRuleDraft,
} from '@lapwing/contracts';
import type { Schema, Transaction } from '@lapwing/postgres';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { setImmediate as breathe } from 'node:timers/promises';
import { mergeConfig, type Fault } from '../domain/merge-config.js';
import { faultOfPattern } from '../domain/pattern.js';
import type { ConfigStore } from '../store/config.store.js';

const LOCK = 7_524_620;
/** The news of a change may be lost. */
const RELOAD_MS = 15_000;

/** The rules in force, the same in all replicas a moment after a change. */
export class ConfigService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('alerting', 'config');
  readonly #listeners: ((config: AlertConfig) => void)[] = [];
  #current = defaultAlertConfig;
  #text = JSON.stringify(defaultAlertConfig);
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly schema: Schema,
    private readonly store: ConfigStore,
  ) {}

  onApplicationBootstrap(): void {
    this.bus.listen(alertingChanged, '*', ({ what }) => {
      if (what === 'config') void this.#reload();
    });
    this.#timer = setInterval(() => void this.#reload(), RELOAD_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** The rules as they were known last. */
  get current(): AlertConfig {
    return this.#current;
  }

  /** Calls `hear` after each change. */
  onChange(hear: (config: AlertConfig) => void): void {
    this.#listeners.push(hear);
  }

  /** Reads the rules anew. `UNAVAILABLE`. */
  async load(): Promise<AlertConfig> {
    this.#set(read(await this.store.read()));
    return this.#current;
  }

  /** Changes rules. `INVALID_INPUT` names each fault, and then nothing has changed. */
  update(actor: Actor, patch: Record<string, unknown>, replace: boolean): Promise<AlertConfig> {
    return this.#change(actor, () => patch, { replace });
  }

  /** The rules as they are kept. */
  async kept(): Promise<AlertConfig> {
    return read(await this.store.read());
  }

  /** Has these rules instead of those that there are; {@link told} is for after the commit. */
  async replace(transaction: Transaction, config: AlertConfig, by: string): Promise<void> {
    await this.schema.hold(transaction, { kind: LOCK });
    await this.store.write(transaction, config, { name: by, at: Date.now() });
  }

  /** Rules that were written hold from now on, everywhere. */
  told(config: AlertConfig): void {
    this.#set(config);
    this.bus.announce(alertingChanged, 'config', { what: 'config' });
  }

  /** Adds a rule on logs. `INVALID_INPUT`. */
  async createLogRule(actor: Actor, draft: LogRuleDraft): Promise<LogRule> {
    const { logRules } = await this.#change(actor, (config) => ({ logRules: [...config.logRules, draft] }), {
      isOneRule: true,
    });
    return found(logRules.at(-1));
  }

  /** Replaces a rule on logs; its id stays. `NOT_FOUND`, `INVALID_INPUT`. */
  async updateLogRule(actor: Actor, id: string, draft: LogRuleDraft): Promise<LogRule> {
    const { logRules } = await this.#change(
      actor,
      (config) => {
        const old = found(config.logRules.find((rule) => rule.id === id));
        return { logRules: config.logRules.map((rule) => (rule === old ? { ...draft, id } : rule)) };
      },
      { isOneRule: true },
    );
    return found(logRules.find((rule) => rule.id === id));
  }

  /** Removes a rule on logs. `NOT_FOUND`. */
  async deleteLogRule(actor: Actor, id: string): Promise<void> {
    await this.#change(actor, ({ logRules }) => {
      const old = found(logRules.find((rule) => rule.id === id));
      return { logRules: logRules.filter((rule) => rule !== old) };
    });
  }

  /**
   * One change at a time, whoever makes it: each is made of what the one before has left.
   * @param isOneRule whether the change is one rule on logs, and faults name its fields.
   */
  async #change(
    actor: Actor,
    patchOf: (config: AlertConfig) => Record<string, unknown>,
    { replace = false, isOneRule = false } = {},
  ): Promise<AlertConfig> {
    const refuse = (faults: Fault[]): never => {
      throw refusal(isOneRule ? faults.map(inOneRule) : faults);
    };
    const config = await this.schema.exclusive('config.update', { kind: LOCK }, async (transaction) => {
      const before = read(await this.store.read(transaction));
      const merged = mergeConfig(before, patchOf(before), replace);
      if ('faults' in merged) return refuse(merged.faults);
      const faults = await faultsOfPatterns(before, merged.config);
      if (faults.length > 0) return refuse(faults);
      await this.store.write(transaction, merged.config, { name: actor.name, at: Date.now() });
      return merged.config;
    });
    this.told(config);
    return config;
  }

  async #reload(): Promise<void> {
    try {
      if (this.schema.ready) await this.load();
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'the rules could not be read again');
    }
  }

  #set(config: AlertConfig): void {
    const text = JSON.stringify(config);
    if (text === this.#text) return;
    this.#text = text;
    this.#current = config;
    for (const hear of this.#listeners) hear(config);
  }
}

/** What an older version wrote is read with today's defaults beside it. */
const read = (document: unknown): AlertConfig =>
  document === undefined ? defaultAlertConfig : AlertConfig.parse(document);

function found(rule: LogRule | undefined): LogRule {
  if (!rule) throw new LapwingError('NOT_FOUND', 'there is no rule of this id');
  return rule;
}

const inOneRule = ({ field, message }: Fault): Fault => ({ field: field.replace(/^logRules\.\d+\.?/, ''), message });

const refusal = (faults: Fault[]): LapwingError =>
  new LapwingError(
    'INVALID_INPUT',
    faults.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join('; '),
    {
      problems: faults,
    },
  );

/** What is wrong with the patterns that a change brings, one after the other: each may take a while. */
export async function faultsOfPatterns(before: Pick<AlertConfig, 'logRules'>, after: AlertConfig): Promise<Fault[]> {
  const known = new Set(before.logRules.map(({ pattern }) => pattern));
  const faults: Fault[] = [];
  for (const [index, { pattern }] of after.logRules.entries()) {
    if (pattern === null || known.has(pattern)) continue;
    const message = faultOfPattern(pattern);
    if (message) faults.push({ field: `logRules.${index}.pattern`, message });
    await breathe();
  }
  return faults;
}
