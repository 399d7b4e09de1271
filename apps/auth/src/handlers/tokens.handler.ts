import { OnRequest } from '@lapwing/bus';
import { tokenCreate, tokenDelete, tokenList, tokenRegenerate, type InputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { TokensService } from '../services/tokens.service.js';

/** API tokens. */
@Injectable()
export class TokensHandler {
  constructor(private readonly tokens: TokensService) {}

  @OnRequest(tokenList)
  async list() {
    return { tokens: await this.tokens.list() };
  }

  @OnRequest(tokenCreate)
  create(input: InputOf<typeof tokenCreate>) {
    return this.tokens.create(input);
  }

  @OnRequest(tokenDelete)
  async delete({ actor, id }: InputOf<typeof tokenDelete>) {
    await this.tokens.delete(actor, id);
    return {};
  }

  @OnRequest(tokenRegenerate)
  regenerate({ actor }: InputOf<typeof tokenRegenerate>) {
    return this.tokens.regenerate(actor);
  }
}
