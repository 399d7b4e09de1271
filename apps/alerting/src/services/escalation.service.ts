import type { Schema } from '@lapwing/postgres';
import type { EscalationStore } from '../store/escalation.store.js';
import type { NoticeStore } from '../store/notice.store.js';
import type { ChannelsService } from './channels.service.js';
import type { ConfigService } from './config.service.js';

/** Tells others of alerts that nobody has acknowledged in time. */
export class EscalationService {
  constructor(
    private readonly parts: {
      schema: Schema;
      config: ConfigService;
      channels: ChannelsService;
      escalations: EscalationStore;
      notices: NoticeStore;
    },
  ) {}

  /** Makes notices of what is due for the next step. */
  async escalate(now: number): Promise<void> {
    const { enabled, levels } = this.parts.config.current.schedule.escalation;
    if (!enabled || !this.parts.config.current.enabled) return;
    const receivers = await this.parts.channels.receivers();
    for (const [step, { after, notify }] of levels.entries()) {
      const channels = receivers.filter(({ kind }) => notify === 'all' || kind === notify).map(({ id }) => id);
      await this.parts.schema.transaction('alerts.escalate', async (transaction) => {
        const due = await this.parts.escalations.due(transaction, { step, before: now - after * 60_000, now });
        await this.parts.notices.add(
          transaction,
          due.map((occurrence) => ({
            occurrence,
            kind: 'escalation',
            groupKey: `step ${step}`,
            dueAt: now,
            channels,
            upgraded: false,
            settles: false,
            watchedAt: null,
            batchedAt: null,
          })),
        );
      });
    }
  }
}
