import { OnRequest } from '@lapwing/bus';
import { oidcBegin, oidcFinish, principalGet, sessionCreate, sessionEnd, type InputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { LoginService } from '../services/login.service.js';
import { OidcService } from '../services/oidc.service.js';
import { PrincipalsService } from '../services/principals.service.js';

/** Logins, sessions, and who is behind a credential. */
@Injectable()
export class LoginsHandler {
  constructor(
    private readonly login: LoginService,
    private readonly oidc: OidcService,
    private readonly principals: PrincipalsService,
  ) {}

  @OnRequest(principalGet)
  async principal({ hash }: InputOf<typeof principalGet>) {
    return { principal: await this.principals.resolve(hash) };
  }

  @OnRequest(sessionCreate)
  logIn(input: InputOf<typeof sessionCreate>) {
    return this.login.logIn(input);
  }

  @OnRequest(sessionEnd)
  async logOut({ hash, address }: InputOf<typeof sessionEnd>) {
    await this.login.logOut(hash, address);
    return {};
  }

  @OnRequest(oidcBegin)
  beginOidc() {
    return this.oidc.begin();
  }

  @OnRequest(oidcFinish)
  finishOidc({ query, binding, address }: InputOf<typeof oidcFinish>) {
    return this.oidc.finish(query, binding, address);
  }
}
