import { Bus, OnRequest } from '@lapwing/bus';
import { settingsChanged, settingsGet, settingsUpdate, type InputOf, type SystemSettings } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { SettingStore } from '../store/setting.store.js';

/** Reads and changes the system's settings, and tells everybody. */
@Injectable()
export class SettingsHandler {
  constructor(
    private readonly bus: Bus,
    private readonly store: SettingStore,
  ) {}

  @OnRequest(settingsGet)
  get(): Promise<SystemSettings> {
    return this.store.read();
  }

  @OnRequest(settingsUpdate)
  async update(changes: InputOf<typeof settingsUpdate>): Promise<SystemSettings> {
    const settings = await this.store.write(changes);
    await this.bus.publish(settingsChanged, 'system', settings);
    return settings;
  }
}
