import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  coversAll,
  principalsChanged,
  type Actor,
  type ApiToken,
  type InputOf,
  type OutputOf,
  type tokenCreate,
  type tokenRegenerate,
} from '@lapwing/contracts';
import { hashOf, hintOf, newApiToken } from '../domain/credentials.js';
import type { AuditStore } from '../store/audit.store.js';
import type { Statements } from '@lapwing/postgres';
import type { Database } from '../store/database.js';
import { publicToken, type TokenStore } from '../store/token.store.js';

const MAX_TOKENS = 1000;

/** Makes and ends API tokens. */
export class TokensService {
  constructor(
    private readonly bus: Bus,
    private readonly database: Database,
    private readonly tokens: TokenStore,
    private readonly audit: AuditStore,
    private readonly clock: () => number,
  ) {}

  async list(): Promise<ApiToken[]> {
    return (await this.tokens.list()).map(publicToken);
  }

  create({ actor, name, permissions, expiresAt }: InputOf<typeof tokenCreate>): Promise<OutputOf<typeof tokenCreate>> {
    if (permissions && !coversAll(actor.permissions, permissions))
      throw new LapwingError('FORBIDDEN', 'a token can hold no permission that you do not hold yourself');
    if (expiresAt !== null && expiresAt <= this.clock())
      throw new LapwingError('INVALID_INPUT', '"expiresAt" must lie in the future');
    return this.database.change('token.create', async (transaction) => {
      if ((await this.tokens.list(transaction)).length >= MAX_TOKENS)
        throw new LapwingError('INVALID_INPUT', `at most ${MAX_TOKENS} tokens`);
      return this.add(transaction, actor, { name, permissions: permissions ?? actor.permissions, expiresAt });
    });
  }

  async delete(actor: Actor, id: string): Promise<void> {
    await this.database.change('token.delete', async (transaction) => {
      const token = await this.tokens.byId(transaction, id);
      if (!token) throw new LapwingError('NOT_FOUND', 'no such token');
      if (token.fromEnvironment)
        throw new LapwingError(
          'INVALID_INPUT',
          'this token comes from API_TOKENS or API_TOKEN: take it out of the environment and restart',
        );
      if (!coversAll(actor.permissions, token.permissions))
        throw new LapwingError('FORBIDDEN', 'this token may do more than you');
      await this.tokens.delete(transaction, id);
      await this.audit.append(transaction, actor, {
        type: 'token',
        action: 'deleted',
        target: token.name,
        details: { id },
      });
    });
    this.bus.announce(principalsChanged, id, { reason: 'a token was deleted' });
  }

  /** One new token instead of all that are kept here. */
  async regenerate(actor: Actor): Promise<OutputOf<typeof tokenRegenerate>> {
    if (!actor.permissions.includes('*'))
      throw new LapwingError('FORBIDDEN', 'only an administrator may end the tokens of others');
    const made = await this.database.change('token.regenerate', async (transaction) => {
      const environmentTokens = await this.tokens.deleteStored(transaction);
      const token = { name: 'API token', permissions: actor.permissions, expiresAt: null };
      return { ...(await this.add(transaction, actor, token)), environmentTokens };
    });
    this.bus.announce(principalsChanged, 'all', { reason: 'tokens were regenerated' });
    return made;
  }

  /** Adds a token in a transaction. */
  async add(
    transaction: Statements,
    actor: Actor,
    draft: { name: string; permissions: string[]; expiresAt: number | null },
  ): Promise<OutputOf<typeof tokenCreate>> {
    const token = newApiToken();
    const record = await this.tokens.insert(transaction, {
      ...draft,
      ...hintOf(token),
      hash: hashOf(token),
      createdBy: actor.userId,
    });
    const details = { id: record.id, permissions: draft.permissions };
    await this.audit.append(transaction, actor, { type: 'token', action: 'created', target: draft.name, details });
    return { token, record: publicToken(record) };
  }
}
