import { OnRequest } from '@lapwing/bus';
import {
  settingsGet,
  settingsUpdate,
  usersettingsGet,
  usersettingsUpdate,
  type InputOf,
  type SystemSettings,
  type UserSettings,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { mergeChoices, userSettingsOf } from '../domain/user-choices.js';
import { SystemSettingsService } from '../services/system-settings.service.js';
import { UserSettingStore } from '../store/user-setting.store.js';

/** Reads and changes the settings of the system and of its users. */
@Injectable()
export class SettingsHandler {
  constructor(
    private readonly system: SystemSettingsService,
    private readonly users: UserSettingStore,
  ) {}

  @OnRequest(settingsGet)
  get(): Promise<SystemSettings> {
    return this.system.read();
  }

  @OnRequest(settingsUpdate)
  update(changes: InputOf<typeof settingsUpdate>): Promise<SystemSettings> {
    return this.system.update(changes);
  }

  @OnRequest(usersettingsGet)
  async getOfUser({ owner }: InputOf<typeof usersettingsGet>): Promise<UserSettings> {
    return userSettingsOf(await this.users.read(owner), await this.system.read());
  }

  @OnRequest(usersettingsUpdate)
  async updateOfUser({ owner, changes }: InputOf<typeof usersettingsUpdate>): Promise<UserSettings> {
    const choices = await this.users.change(owner, (before) => mergeChoices(before, changes));
    return userSettingsOf(choices, await this.system.read());
  }
}
