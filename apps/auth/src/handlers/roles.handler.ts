import { OnRequest } from '@lapwing/bus';
import { roleCreate, roleDelete, roleList, roleUpdate, type InputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { RolesService } from '../services/roles.service.js';

/** Roles. */
@Injectable()
export class RolesHandler {
  constructor(private readonly roles: RolesService) {}

  @OnRequest(roleList)
  async list() {
    return { roles: await this.roles.list() };
  }

  @OnRequest(roleCreate)
  create(input: InputOf<typeof roleCreate>) {
    return this.roles.create(input);
  }

  @OnRequest(roleUpdate)
  update(input: InputOf<typeof roleUpdate>) {
    return this.roles.update(input);
  }

  @OnRequest(roleDelete)
  async delete({ actor, id }: InputOf<typeof roleDelete>) {
    await this.roles.delete(actor, id);
    return {};
  }
}
