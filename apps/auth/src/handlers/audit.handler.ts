import { OnEvent, OnRequest, type Delivery } from '@lapwing/bus';
import { auditList, auditOccurred, auditVerify, type InputOf, type OutputOf, type PayloadOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { AuditStore } from '../store/audit.store.js';

/** Longer than this one question is not worked on: whoever asks goes on from where it ended. */
const VERIFY_MS = 10_000;

/** Adds what other services did to the trail, and shows it. */
@Injectable()
export class AuditHandler {
  constructor(private readonly audit: AuditStore) {}

  @OnEvent(auditOccurred, { durable: 'auth-audit' })
  async occurred(deliveries: Delivery<PayloadOf<typeof auditOccurred>>[]): Promise<void> {
    for (const { payload } of deliveries) {
      const { actor, eventId, time, ...fact } = payload;
      await this.audit.record(actor, fact, { eventId, time });
    }
  }

  @OnRequest(auditVerify)
  async verify({ after }: InputOf<typeof auditVerify>): Promise<OutputOf<typeof auditVerify>> {
    const until = performance.now() + VERIFY_MS;
    const { entries, isEnd, fault } = await this.audit.verify(after, () => performance.now() < until);
    return {
      valid: fault === null,
      entries,
      firstBrokenId: fault?.id ?? null,
      fault: fault?.fault ?? null,
      next: isEnd ? null : entries,
    };
  }

  @OnRequest(auditList)
  list(filter: InputOf<typeof auditList>) {
    return this.audit.list(filter);
  }
}
