import { OnEvent, OnRequest, type Delivery } from '@lapwing/bus';
import {
  deliveryDue,
  deliveryList,
  emailGet,
  emailUpdate,
  emailproviderList,
  notificationTest,
  webhookCreate,
  webhookDelete,
  webhookList,
  webhookTest,
  webhookUpdate,
  webhooktemplateList,
  type InputOf,
  type OutputOf,
  type PayloadOf,
} from '@lapwing/contracts';
import { FollowedSettings } from '@lapwing/service';
import { Injectable } from '@nestjs/common';
import { ChannelsService } from '../services/channels.service.js';
import { DeliveriesService } from '../services/deliveries.service.js';
import { DELIVERIES } from '../services/queues.service.js';
import { DeliveryStore } from '../store/delivery.store.js';

/** One receiver that hangs must not keep the others waiting. */
const AT_ONCE = 32;

/** Answers questions about channels, and takes messages out of the queue. */
@Injectable()
export class ChannelsHandler {
  constructor(
    private readonly channels: ChannelsService,
    private readonly deliveries: DeliveriesService,
    private readonly store: DeliveryStore,
    private readonly settings: FollowedSettings,
  ) {}

  @OnEvent(deliveryDue, { durable: DELIVERIES, maxBatch: 1, concurrency: AT_ONCE, ackWaitMs: 15_000 })
  async deliver(jobs: Delivery<PayloadOf<typeof deliveryDue>>[]): Promise<void> {
    for (const { payload } of jobs) await this.deliveries.deliver(payload);
  }

  @OnRequest(emailGet)
  email(): Promise<OutputOf<typeof emailGet>> {
    return this.channels.email();
  }

  @OnRequest(emailUpdate)
  updateEmail({ draft }: InputOf<typeof emailUpdate>): Promise<OutputOf<typeof emailUpdate>> {
    return this.channels.updateEmail(draft);
  }

  @OnRequest(emailproviderList)
  async emailProviders(): Promise<OutputOf<typeof emailproviderList>> {
    return { providers: this.channels.emailProviders() };
  }

  @OnRequest(webhookList)
  async webhooks(): Promise<OutputOf<typeof webhookList>> {
    return { webhooks: await this.channels.webhooks() };
  }

  @OnRequest(webhookCreate)
  createWebhook({ draft }: InputOf<typeof webhookCreate>): Promise<OutputOf<typeof webhookCreate>> {
    return this.channels.createWebhook(draft);
  }

  @OnRequest(webhookUpdate)
  updateWebhook({ id, changes }: InputOf<typeof webhookUpdate>): Promise<OutputOf<typeof webhookUpdate>> {
    return this.channels.updateWebhook(id, changes);
  }

  @OnRequest(webhookDelete)
  async deleteWebhook({ id }: InputOf<typeof webhookDelete>): Promise<OutputOf<typeof webhookDelete>> {
    await this.channels.deleteWebhook(id);
    return {};
  }

  @OnRequest(webhooktemplateList)
  async webhookTemplates(): Promise<OutputOf<typeof webhooktemplateList>> {
    return { templates: this.channels.webhookTemplates() };
  }

  @OnRequest(webhookTest)
  testWebhook(question: InputOf<typeof webhookTest>): Promise<OutputOf<typeof webhookTest>> {
    return this.deliveries.tryWebhook(question);
  }

  @OnRequest(notificationTest)
  test(question: InputOf<typeof notificationTest>): Promise<OutputOf<typeof notificationTest>> {
    return this.deliveries.tryAll(question);
  }

  @OnRequest(deliveryList)
  listDeliveries(filter: InputOf<typeof deliveryList>): Promise<OutputOf<typeof deliveryList>> {
    return this.store.list({ ...filter, keptSince: this.settings.keptSince(Date.now()) });
  }
}
