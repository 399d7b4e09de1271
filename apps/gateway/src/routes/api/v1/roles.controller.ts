import { Bus } from '@lapwing/bus';
import { RoleDraft, roleCreate, roleDelete, roleList, roleUpdate, type Actor } from '@lapwing/contracts';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { z } from 'zod';
import { AuditedByAuth, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { RoleView, toRole } from './users.view.js';

const Id = z.object({ id: z.string().regex(/^[a-z0-9-]{1,64}$/, 'the id of a role') });
const Changes = RoleDraft.extend({ description: RoleDraft.shape.description.unwrap() }).partial();
const Roles = z.object({ roles: z.array(RoleView) });

/** Tyto's roles. */
@Controller('api/v1/roles')
export class RolesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('roles:view')
  @Answers('All roles', Roles)
  async list(): Promise<z.infer<typeof Roles>> {
    return { roles: (await this.bus.request(roleList, {})).roles.map(toRole) };
  }

  @Post()
  @Requires('roles:manage')
  @AuditedByAuth()
  @Answers('Makes a role', RoleView, [201])
  async create(@Body({ schema: RoleDraft }) role: z.infer<typeof RoleDraft>, @By() actor: Actor) {
    return toRole(await this.bus.request(roleCreate, { actor, role }));
  }

  @Put(':id')
  @Requires('roles:manage')
  @AuditedByAuth()
  @Answers('Changes a role; those of the system are fixed', RoleView)
  async update(
    @Param({ schema: Id }) { id }: z.infer<typeof Id>,
    @Body({ schema: Changes }) changes: z.infer<typeof Changes>,
    @By() actor: Actor,
  ) {
    return toRole(await this.bus.request(roleUpdate, { actor, id, changes }));
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('roles:manage')
  @AuditedByAuth()
  @Answers('Deletes a role and takes it from its holders', z.undefined(), [204])
  async delete(@Param({ schema: Id }) { id }: z.infer<typeof Id>, @By() actor: Actor): Promise<void> {
    await this.bus.request(roleDelete, { actor, id });
  }
}
