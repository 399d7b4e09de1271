import { OnRequest } from '@lapwing/bus';
import { totpBegin, totpDisable, totpEnable, totpGet, type InputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { LoginService } from '../services/login.service.js';
import { TotpService } from '../services/totp.service.js';
import { UsersService } from '../services/users.service.js';
import { UserStore } from '../store/user.store.js';

/** The second factor of one's own account, and of others for administrators. */
@Injectable()
export class TotpHandler {
  constructor(
    private readonly totp: TotpService,
    private readonly users: UsersService,
    private readonly login: LoginService,
    private readonly store: UserStore,
  ) {}

  @OnRequest(totpGet)
  async get({ actor }: InputOf<typeof totpGet>) {
    const user = await this.users.own(actor);
    return { enabled: user.totpEnabled, recoveryCodesLeft: await this.store.recoveryCodesLeft(user.id) };
  }

  @OnRequest(totpBegin)
  async begin({ actor, password }: InputOf<typeof totpBegin>) {
    const user = await this.users.ownLocal(actor);
    await this.login.confirm(user, password, actor.address);
    return this.totp.begin(user);
  }

  @OnRequest(totpEnable)
  async enable({ actor, code }: InputOf<typeof totpEnable>) {
    return { recoveryCodes: await this.totp.enable(await this.users.own(actor), actor, code) };
  }

  @OnRequest(totpDisable)
  async disable({ actor, of }: InputOf<typeof totpDisable>) {
    if ('userId' in of) {
      await this.totp.disable(await this.users.changeable(actor, of.userId), actor);
      return {};
    }
    const user = await this.users.ownLocal(actor);
    await this.login.confirm(user, of.password, actor.address);
    await this.totp.disable(user, actor);
    return {};
  }
}
