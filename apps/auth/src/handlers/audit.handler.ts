import { OnEvent, OnRequest, type Delivery } from '@lapwing/bus';
import { auditList, auditOccurred, type InputOf, type PayloadOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { AuditStore } from '../store/audit.store.js';

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

  @OnRequest(auditList)
  list(filter: InputOf<typeof auditList>) {
    return this.audit.list(filter);
  }
}
