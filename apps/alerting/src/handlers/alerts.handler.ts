import { OnRequest } from '@lapwing/bus';
import {
  alertAcknowledge,
  alertClear,
  alertConfigGet,
  alertConfigUpdate,
  alertHistory,
  alertList,
  alertReplay,
  alerthistoryClear,
  incidentList,
  logruleCreate,
  logruleDelete,
  logruleUpdate,
  type AlertConfig,
  type InputOf,
  type OutputOf,
} from '@lapwing/contracts';
import { FollowedSettings } from '@lapwing/service';
import { Injectable } from '@nestjs/common';
import { AlertsService } from '../services/alerts.service.js';
import { ConfigService } from '../services/config.service.js';
import { ReplayService } from '../services/replay.service.js';
import { IncidentStore } from '../store/incident.store.js';

/** Answers questions about alerts and rules. */
@Injectable()
export class AlertsHandler {
  constructor(
    private readonly alerts: AlertsService,
    private readonly config: ConfigService,
    private readonly incidents: IncidentStore,
    private readonly replays: ReplayService,
    private readonly settings: FollowedSettings,
  ) {}

  @OnRequest(alertList)
  list({ after }: InputOf<typeof alertList>): Promise<OutputOf<typeof alertList>> {
    return this.alerts.page(after);
  }

  @OnRequest(alertHistory)
  history(filter: InputOf<typeof alertHistory>): Promise<OutputOf<typeof alertHistory>> {
    return this.alerts.history(filter);
  }

  @OnRequest(alerthistoryClear)
  async clearHistory(): Promise<OutputOf<typeof alerthistoryClear>> {
    return { deleted: await this.alerts.clearHistory() };
  }

  @OnRequest(alertAcknowledge)
  acknowledge({
    actor,
    ids,
    acknowledged,
  }: InputOf<typeof alertAcknowledge>): Promise<OutputOf<typeof alertAcknowledge>> {
    return this.alerts.acknowledge(actor, ids, acknowledged);
  }

  @OnRequest(alertClear)
  clear({ actor, ids }: InputOf<typeof alertClear>): Promise<OutputOf<typeof alertClear>> {
    return this.alerts.clear(actor, ids);
  }

  @OnRequest(alertConfigGet)
  readConfig(): Promise<AlertConfig> {
    return this.config.load();
  }

  @OnRequest(alertConfigUpdate)
  updateConfig({ actor, patch, replace }: InputOf<typeof alertConfigUpdate>): Promise<AlertConfig> {
    return this.config.update(actor, patch, replace);
  }

  @OnRequest(logruleCreate)
  createLogRule({ actor, draft }: InputOf<typeof logruleCreate>): Promise<OutputOf<typeof logruleCreate>> {
    return this.config.createLogRule(actor, draft);
  }

  @OnRequest(logruleUpdate)
  updateLogRule({ actor, id, draft }: InputOf<typeof logruleUpdate>): Promise<OutputOf<typeof logruleUpdate>> {
    return this.config.updateLogRule(actor, id, draft);
  }

  @OnRequest(logruleDelete)
  async deleteLogRule({ actor, id }: InputOf<typeof logruleDelete>): Promise<OutputOf<typeof logruleDelete>> {
    await this.config.deleteLogRule(actor, id);
    return {};
  }

  @OnRequest(incidentList)
  listIncidents(filter: InputOf<typeof incidentList>): Promise<OutputOf<typeof incidentList>> {
    return this.incidents.list({ ...filter, keptSince: this.settings.keptSince(Date.now()) });
  }

  @OnRequest(alertReplay)
  replay(question: InputOf<typeof alertReplay>): Promise<OutputOf<typeof alertReplay>> {
    return this.replays.replay(question);
  }
}
