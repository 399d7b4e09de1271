import { Bus } from '@lapwing/bus';
import {
  Email,
  Password,
  Username,
  passwordReset,
  totpDisable,
  userCreate,
  userGet,
  userList,
  userUpdate,
  type Actor,
} from '@lapwing/contracts';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { z } from 'zod';
import { AuditedByAuth, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { User, toUser } from './users.view.js';

const Id = z.object({ id: z.uuid('the id of a user') });
const roles = z.array(z.string().max(64)).max(50);
const NewUser = z.object({
  username: Username,
  password: Password,
  email: Email.default(''),
  roles: roles.default([]),
});
/** Everything else in the body is ignored: it changes nothing. */
const Changes = z.object({ email: Email, roles, disabled: z.boolean() }).partial();
const NewPassword = z.object({ new_password: Password });
const Users = z.object({ users: z.array(User) });
const Nothing = z.undefined();

/** Tyto's users. */
@Controller('api/v1/users')
export class UsersController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('users:view')
  @Answers('All users', Users)
  async list(): Promise<z.infer<typeof Users>> {
    return { users: (await this.bus.request(userList, {})).users.map(toUser) };
  }

  @Post()
  @Requires('users:manage')
  @AuditedByAuth()
  @Answers('Makes a user', User, [201])
  async create(@Body({ schema: NewUser }) user: z.infer<typeof NewUser>, @By() actor: Actor) {
    return toUser(await this.bus.request(userCreate, { actor, ...user }));
  }

  @Get(':id')
  @Requires('users:view')
  @Answers('One user', User)
  async get(@Param({ schema: Id }) { id }: z.infer<typeof Id>) {
    return toUser(await this.bus.request(userGet, { id }));
  }

  @Put(':id')
  @Requires('users:manage')
  @AuditedByAuth()
  @Answers('Changes a user', User)
  async update(
    @Param({ schema: Id }) { id }: z.infer<typeof Id>,
    @Body({ schema: Changes }) changes: z.infer<typeof Changes>,
    @By() actor: Actor,
  ) {
    return toUser(await this.bus.request(userUpdate, { actor, id, changes }));
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('users:manage')
  @AuditedByAuth()
  @Answers('Disables a user; sessions and tokens end, the record stays', Nothing, [204])
  async disable(@Param({ schema: Id }) { id }: z.infer<typeof Id>, @By() actor: Actor): Promise<void> {
    await this.bus.request(userUpdate, { actor, id, changes: { disabled: true } });
  }

  @Put(':id/password')
  @HttpCode(204)
  @Requires('users:manage')
  @AuditedByAuth()
  @Answers('Sets the password of a user; the sessions end', Nothing, [204])
  async resetPassword(
    @Param({ schema: Id }) { id }: z.infer<typeof Id>,
    @Body({ schema: NewPassword }) { new_password: next }: z.infer<typeof NewPassword>,
    @By() actor: Actor,
  ): Promise<void> {
    await this.bus.request(passwordReset, { actor, id, next });
  }

  @Delete(':id/totp')
  @HttpCode(204)
  @Requires('users:manage')
  @AuditedByAuth()
  @Answers('Takes the second factor of a user away', Nothing, [204])
  async disableTotp(@Param({ schema: Id }) { id }: z.infer<typeof Id>, @By() actor: Actor): Promise<void> {
    await this.bus.request(totpDisable, { actor, of: { userId: id } });
  }
}
