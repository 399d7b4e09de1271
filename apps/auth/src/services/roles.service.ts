import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  coversAll,
  principalsChanged,
  type Actor,
  type InputOf,
  type Role,
  type roleCreate,
  type roleUpdate,
} from '@lapwing/contracts';
import type { AuditStore } from '../store/audit.store.js';
import { isDuplicate, type Statements } from '@lapwing/postgres';
import type { Database } from '../store/database.js';
import type { RoleStore } from '../store/role.store.js';

const MAX_ROLES = 200;

/** Makes and changes roles, with permissions that the one who does it holds. */
export class RolesService {
  constructor(
    private readonly bus: Bus,
    private readonly database: Database,
    private readonly roles: RoleStore,
    private readonly audit: AuditStore,
  ) {}

  list(): Promise<Role[]> {
    return this.roles.list();
  }

  create({ actor, role: draft }: InputOf<typeof roleCreate>): Promise<Role> {
    return this.#change(async (transaction) => {
      wantCovered(actor, draft.permissions);
      if ((await this.roles.list(transaction)).length >= MAX_ROLES)
        throw new LapwingError('INVALID_INPUT', `at most ${MAX_ROLES} roles`);
      const role = {
        ...draft,
        id: draft.name
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '-')
          .replace(/-$/, ''),
        isSystem: false,
      };
      await this.roles.insert(transaction, role);
      const details = { permissions: role.permissions };
      await this.audit.append(transaction, actor, { type: 'role', action: 'created', target: role.id, details });
      return role;
    });
  }

  async update({ actor, id, changes }: InputOf<typeof roleUpdate>): Promise<Role> {
    const role = await this.#change(async (transaction) => {
      const before = await this.#want(transaction, actor, id);
      const after = { ...before, ...changes };
      wantCovered(actor, after.permissions);
      await this.roles.update(transaction, after);
      const details = { permissions: after.permissions, before: before.permissions };
      await this.audit.append(transaction, actor, { type: 'role', action: 'updated', target: id, details });
      return after;
    });
    this.bus.announce(principalsChanged, 'all', { reason: 'a role was changed' });
    return role;
  }

  async delete(actor: Actor, id: string): Promise<void> {
    await this.#change(async (transaction) => {
      await this.#want(transaction, actor, id);
      await this.roles.delete(transaction, id);
      await this.audit.append(transaction, actor, { type: 'role', action: 'deleted', target: id });
    });
    this.bus.announce(principalsChanged, 'all', { reason: 'a role was deleted' });
  }

  async #want(statements: Statements, actor: Actor, id: string): Promise<Role> {
    const role = await this.roles.byId(statements, id);
    if (!role) throw new LapwingError('NOT_FOUND', 'no such role');
    if (role.isSystem) throw new LapwingError('SYSTEM_ROLE');
    wantCovered(actor, role.permissions);
    return role;
  }

  async #change<T>(work: (transaction: Statements) => Promise<T>): Promise<T> {
    try {
      return await this.database.change('role.change', work);
    } catch (error) {
      if (isDuplicate(error)) throw new LapwingError('ROLE_EXISTS');
      throw error;
    }
  }
}

function wantCovered(actor: Actor, permissions: string[]): void {
  if (!coversAll(actor.permissions, permissions))
    throw new LapwingError('FORBIDDEN', 'a role can hold no permission that you do not hold yourself');
}
