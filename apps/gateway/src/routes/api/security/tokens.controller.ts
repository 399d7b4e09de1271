import { Bus } from '@lapwing/bus';
import {
  LapwingError,
  Permissions,
  TokenName,
  tokenCreate,
  tokenDelete,
  tokenList,
  tokenRegenerate,
  type Actor,
  type ApiToken,
} from '@lapwing/contracts';
import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { AuditedByAuth, Requires } from '../../../http/access.js';
import { Answers, isoTime } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { instant, isoSeconds } from '../../../http/query.js';

const NewToken = z.object({
  name: TokenName,
  permissions: Permissions.min(1, 'at least one permission').optional(),
  expiresAt: instant.nullable().default(null),
});
const Record = z.object({
  id: z.uuid(),
  name: z.string(),
  prefix: z.string(),
  suffix: z.string(),
  permissions: z.array(z.string()),
  createdAt: isoTime,
  lastUsedAt: isoTime.nullable(),
  expiresAt: isoTime.nullable(),
  fromEnvironment: z.boolean(),
});
const Tokens = z.object({ tokens: z.array(Record) });
const Created = z.object({ token: z.string().describe('shown here only'), record: Record });
const Regenerated = Created.extend({ success: z.literal(true), message: z.string() });

function toRecord(token: ApiToken): z.infer<typeof Record> {
  const time = (value: number | null): string | null => (value === null ? null : isoSeconds(value));
  const { createdAt, lastUsedAt, expiresAt } = token;
  return { ...token, createdAt: isoSeconds(createdAt), lastUsedAt: time(lastUsedAt), expiresAt: time(expiresAt) };
}

/** Pulse's API tokens. */
@Controller('api/security')
export class TokensController {
  constructor(private readonly bus: Bus) {}

  @Get('tokens')
  @Requires('security:manage')
  @Answers('All API tokens, without their values', Tokens)
  async list(): Promise<z.infer<typeof Tokens>> {
    return { tokens: (await this.bus.request(tokenList, {})).tokens.map(toRecord) };
  }

  @Post('tokens')
  @HttpCode(200)
  @Requires('security:manage')
  @AuditedByAuth()
  @Answers('Makes an API token', Created)
  async create(@Body({ schema: NewToken }) draft: z.infer<typeof NewToken>, @By() actor: Actor) {
    const { token, record } = await this.bus.request(tokenCreate, { actor, ...draft });
    return { token, record: toRecord(record) };
  }

  @Delete('tokens/:id')
  @HttpCode(204)
  @Requires('security:manage')
  @AuditedByAuth()
  @Answers('Ends an API token', z.undefined(), [204])
  async delete(@Param('id') id: string, @By() actor: Actor): Promise<void> {
    if (!z.uuid().safeParse(id).success) throw new LapwingError('NOT_FOUND', 'no such token');
    await this.bus.request(tokenDelete, { actor, id });
  }

  @Post('regenerate-token')
  @HttpCode(200)
  @Requires('security:manage')
  @AuditedByAuth()
  @Answers('Ends all API tokens but those of the environment, and makes one', Regenerated)
  async regenerate(@By() actor: Actor): Promise<z.infer<typeof Regenerated>> {
    const { token, record, environmentTokens: left } = await this.bus.request(tokenRegenerate, { actor });
    const message =
      left === 0
        ? 'this is the only API token now'
        : `made; ${left} of API_TOKENS and API_TOKEN still hold, until they are taken out of the environment`;
    return { success: true, token, message, record: toRecord(record) };
  }
}
