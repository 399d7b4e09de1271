import { OnRequest } from '@lapwing/bus';
import {
  LapwingError,
  MAX_HISTORY_POINTS,
  excursionsGet,
  gpuHistoryGet,
  historyGet,
  ledgerGet,
  type InputOf,
  type OutputOf,
} from '@lapwing/contracts';
import { FollowedSettings } from '@lapwing/service';
import { Injectable } from '@nestjs/common';
import { pointsOf } from '../domain/history.js';
import { ExcursionService } from '../services/excursion.service.js';
import { HistoryStore } from '../store/history.store.js';
import { LedgerStore } from '../store/ledger.store.js';
import { ResourceStore } from '../store/resource.store.js';

/** Answers what was. */
@Injectable()
export class HistoryHandler {
  constructor(
    private readonly resources: ResourceStore,
    private readonly history: HistoryStore,
    private readonly ledger: LedgerStore,
    private readonly excursions: ExcursionService,
    private readonly settings: FollowedSettings,
  ) {}

  @OnRequest(historyGet)
  async read(question: InputOf<typeof historyGet>): Promise<OutputOf<typeof historyGet>> {
    const { agentIds, from, to, step } = question;
    if (from >= to) throw new LapwingError('INVALID_INPUT', '"from" must be before "to"');
    if (pointsOf(from, to, step) > MAX_HISTORY_POINTS)
      throw new LapwingError(
        'INVALID_INPUT',
        `more than ${MAX_HISTORY_POINTS} points: ask for a shorter time or longer steps`,
      );
    const hosts = await this.resources.hosts(agentIds);
    if (agentIds !== null && hosts.length < agentIds.length)
      throw new LapwingError('NOT_FOUND', 'no such agent', { agentIds });
    return this.history.read(hosts, { ...question, from: Math.max(from, this.settings.keptSince(Date.now())) });
  }

  @OnRequest(gpuHistoryGet)
  gpu(question: InputOf<typeof gpuHistoryGet>): Promise<OutputOf<typeof gpuHistoryGet>> {
    const since = Math.max(question.since ?? 0, this.settings.keptSince(Date.now()));
    return this.history.readGpu({ ...question, since });
  }

  @OnRequest(excursionsGet)
  readExcursions(question: InputOf<typeof excursionsGet>): Promise<OutputOf<typeof excursionsGet>> {
    const now = Date.now();
    return this.excursions.page(question, now, this.settings.keptSince(now));
  }

  @OnRequest(ledgerGet)
  async readLedger({ agentId, from, to }: InputOf<typeof ledgerGet>): Promise<OutputOf<typeof ledgerGet>> {
    const ledger = await this.ledger.read(agentId, from, to);
    if (!ledger) throw new LapwingError('NOT_FOUND', 'no such agent', { agentId });
    return ledger;
  }
}
