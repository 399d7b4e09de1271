import { OnRequest } from '@lapwing/bus';
import {
  issuedlicenseCheck,
  issuedlicenseCreate,
  issuedlicenseList,
  issuedlicenseRevoke,
  licenseGet,
  licenseValidate,
  type InputOf,
  type OutputOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { LicenseService } from '../services/license.service.js';

/** Hears what is asked about licences. */
@Injectable()
export class LicensesHandler {
  constructor(private readonly licenses: LicenseService) {}

  @OnRequest(licenseGet)
  get(): Promise<OutputOf<typeof licenseGet>> {
    return this.licenses.get();
  }

  @OnRequest(licenseValidate)
  validate(ask: InputOf<typeof licenseValidate>): Promise<OutputOf<typeof licenseValidate>> {
    return this.licenses.validate(ask);
  }

  @OnRequest(issuedlicenseCheck)
  check(ask: InputOf<typeof issuedlicenseCheck>): Promise<OutputOf<typeof issuedlicenseCheck>> {
    return this.licenses.check(ask);
  }

  @OnRequest(issuedlicenseList)
  async issued({ limit }: InputOf<typeof issuedlicenseList>): Promise<OutputOf<typeof issuedlicenseList>> {
    return { licenses: await this.licenses.issued(limit) };
  }

  @OnRequest(issuedlicenseCreate)
  issue(draft: InputOf<typeof issuedlicenseCreate>): Promise<OutputOf<typeof issuedlicenseCreate>> {
    return this.licenses.issue(draft);
  }

  @OnRequest(issuedlicenseRevoke)
  revoke({ id }: InputOf<typeof issuedlicenseRevoke>): Promise<OutputOf<typeof issuedlicenseRevoke>> {
    return this.licenses.revoke(id);
  }
}
