import { OnRequest } from '@lapwing/bus';
import {
  agentEnroll,
  registrationApprove,
  registrationList,
  registrationReject,
  type InputOf,
  type OutputOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { EnrollmentService } from '../services/enrollment.service.js';

/** Hears those who ask to be let in, and what is decided about them. */
@Injectable()
export class RegistrationsHandler {
  constructor(private readonly enrollment: EnrollmentService) {}

  @OnRequest(agentEnroll)
  enroll(ask: InputOf<typeof agentEnroll>): Promise<OutputOf<typeof agentEnroll>> {
    return this.enrollment.enroll(ask);
  }

  @OnRequest(registrationList)
  async list(): Promise<OutputOf<typeof registrationList>> {
    return { agents: await this.enrollment.waiting() };
  }

  @OnRequest(registrationApprove)
  approve({ id, fingerprint }: InputOf<typeof registrationApprove>): Promise<OutputOf<typeof registrationApprove>> {
    return this.enrollment.approve(id, fingerprint);
  }

  @OnRequest(registrationReject)
  async reject({ id, fingerprint }: InputOf<typeof registrationReject>): Promise<OutputOf<typeof registrationReject>> {
    await this.enrollment.reject(id, fingerprint);
    return {};
  }
}
