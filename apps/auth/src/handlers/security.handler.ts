import { OnRequest } from '@lapwing/bus';
import { configApply, recoverySet, securityStatusGet, setupCreate, type InputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { SecurityService } from '../services/security.service.js';

/** The security of the whole server. */
@Injectable()
export class SecurityHandler {
  constructor(private readonly security: SecurityService) {}

  @OnRequest(securityStatusGet)
  status() {
    return this.security.status();
  }

  @OnRequest(setupCreate)
  setUp(input: InputOf<typeof setupCreate>) {
    return this.security.setUp(input);
  }

  @OnRequest(recoverySet)
  async setRecovery({ on, address }: InputOf<typeof recoverySet>) {
    return { recoveryUntil: await this.security.setRecovery(on, address) };
  }

  @OnRequest(configApply)
  async apply({ actor }: InputOf<typeof configApply>) {
    return { restarting: await this.security.apply(actor) };
  }
}
