import { OnRequest } from '@lapwing/bus';
import {
  lockoutReset,
  passwordChange,
  passwordReset,
  profileUpdate,
  userCreate,
  userGet,
  userList,
  userRegister,
  userUpdate,
  type InputOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { UsersService } from '../services/users.service.js';

/** Users and their passwords. */
@Injectable()
export class UsersHandler {
  constructor(private readonly users: UsersService) {}

  @OnRequest(userList)
  async list() {
    return { users: await this.users.list() };
  }

  @OnRequest(userGet)
  get({ id }: InputOf<typeof userGet>) {
    return this.users.get(id);
  }

  @OnRequest(userCreate)
  create(input: InputOf<typeof userCreate>) {
    return this.users.create(input);
  }

  @OnRequest(userRegister)
  register(input: InputOf<typeof userRegister>) {
    return this.users.register(input);
  }

  @OnRequest(userUpdate)
  update(input: InputOf<typeof userUpdate>) {
    return this.users.update(input);
  }

  @OnRequest(profileUpdate)
  updateProfile(input: InputOf<typeof profileUpdate>) {
    return this.users.updateProfile(input);
  }

  @OnRequest(passwordChange)
  async changePassword({ actor, current, next }: InputOf<typeof passwordChange>) {
    await this.users.changePassword(actor, current, next);
    return {};
  }

  @OnRequest(passwordReset)
  async resetPassword({ actor, id, next }: InputOf<typeof passwordReset>) {
    await this.users.resetPassword(actor, id, next);
    return {};
  }

  @OnRequest(lockoutReset)
  async resetLockout({ actor, identifier }: InputOf<typeof lockoutReset>) {
    await this.users.resetLockout(actor, identifier);
    return {};
  }
}
