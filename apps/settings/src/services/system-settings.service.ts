import type { Bus } from '@lapwing/bus';
import {
  AuditFact,
  LapwingError,
  SettingName,
  auditOccurred,
  settingsChanged,
  type Actor,
  type InputOf,
  type SettingChanges,
  type SystemSettings,
  type settingsUpdate,
} from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import { randomUUID } from 'node:crypto';
import type { Overrides } from '../domain/overrides.js';
import type { SettingStore, Stored, Written } from '../store/setting.store.js';

/** Knows the settings of the system, and changes them: what people set, and over it what the environment holds fast. */
export class SystemSettingsService {
  readonly #log = createLogger('settings', 'system');

  constructor(
    private readonly bus: Bus,
    private readonly store: SettingStore,
    private readonly overrides: Overrides,
  ) {}

  /** The settings in force. */
  async read(): Promise<SystemSettings> {
    return this.#inForce(await this.store.read());
  }

  /** Changes some, tells everybody, and leaves in the audit trail what was before and what is now. */
  async update({ ifRevision, actor, ...changes }: InputOf<typeof settingsUpdate>): Promise<SystemSettings> {
    this.#refuseOverridden(changes);
    const written = await this.store.write(this.#settable(changes), ifRevision);
    if (actor) await this.#audit(written, actor, Object.keys(changes).toSorted());
    const settings = this.#inForce(written);
    if (Object.keys(written.changed).length > 0) await this.bus.publish(settingsChanged, 'system', settings);
    return settings;
  }

  #inForce({ settings, revision }: Stored): SystemSettings {
    const overridden = SettingName.options.filter((name) => this.overrides[name] !== undefined);
    return { ...settings, ...this.overrides, revision, overridden };
  }

  /** What is sent as it is already is no change: clients send back whole what they read. */
  #refuseOverridden(changes: SettingChanges): void {
    const refused = SettingName.options.filter(
      (name) =>
        changes[name] !== undefined &&
        this.overrides[name] !== undefined &&
        JSON.stringify(changes[name]) !== JSON.stringify(this.overrides[name]),
    );
    if (refused.length > 0)
      throw new LapwingError(
        'SETTING_OVERRIDDEN',
        `the environment sets ${refused.join(', ')}: it cannot be changed here`,
        {
          settings: refused,
        },
      );
  }

  /** What the environment holds fast does not become what people have set by being sent back. */
  #settable(changes: SettingChanges): SettingChanges {
    const free = Object.entries(changes).filter(([name]) => !(name in this.overrides));
    return Object.fromEntries(free);
  }

  /** Also of a change that changed nothing: whoever asked for it is told of. */
  async #audit({ changed, revision }: Written, { name, userId, address }: Actor, given: string[]): Promise<void> {
    const eventId = randomUUID();
    const event = {
      type: 'settings',
      action: 'settings_changed',
      target: given.join(', ').slice(0, 300),
      details: { ...AuditFact.shape.details.parse(changed), revision },
      eventId,
      time: Date.now(),
      actor: { name, userId, address },
    };
    await this.bus
      .publish(auditOccurred, 'settings', event, eventId)
      .catch((error: unknown) =>
        this.#log.error({ error: describeError(error), settings: event.target, user: name }, 'not in the audit trail'),
      );
  }
}
