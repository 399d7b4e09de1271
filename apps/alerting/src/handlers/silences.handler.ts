import { OnRequest } from '@lapwing/bus';
import {
  maintenanceCreate,
  maintenanceDelete,
  maintenanceList,
  maintenanceUpdate,
  silenceCreate,
  silenceDelete,
  silenceList,
  silenceUpdate,
  type InputOf,
  type OutputOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { SilencesService } from '../services/silences.service.js';

/** Answers questions about silences and maintenance windows. */
@Injectable()
export class SilencesHandler {
  constructor(private readonly silences: SilencesService) {}

  @OnRequest(silenceList)
  async list(): Promise<OutputOf<typeof silenceList>> {
    return { silences: await this.silences.silences() };
  }

  @OnRequest(silenceCreate)
  create({ actor, draft }: InputOf<typeof silenceCreate>): Promise<OutputOf<typeof silenceCreate>> {
    return this.silences.createSilence(actor, draft);
  }

  @OnRequest(silenceUpdate)
  update({ id, draft }: InputOf<typeof silenceUpdate>): Promise<OutputOf<typeof silenceUpdate>> {
    return this.silences.updateSilence(id, draft);
  }

  @OnRequest(silenceDelete)
  async delete({ id }: InputOf<typeof silenceDelete>): Promise<OutputOf<typeof silenceDelete>> {
    await this.silences.endSilence(id);
    return {};
  }

  @OnRequest(maintenanceList)
  async listWindows(): Promise<OutputOf<typeof maintenanceList>> {
    return { windows: await this.silences.windows() };
  }

  @OnRequest(maintenanceCreate)
  createWindow({ actor, draft }: InputOf<typeof maintenanceCreate>): Promise<OutputOf<typeof maintenanceCreate>> {
    return this.silences.createWindow(actor, draft);
  }

  @OnRequest(maintenanceUpdate)
  updateWindow({ id, draft }: InputOf<typeof maintenanceUpdate>): Promise<OutputOf<typeof maintenanceUpdate>> {
    return this.silences.updateWindow(id, draft);
  }

  @OnRequest(maintenanceDelete)
  async deleteWindow({ id }: InputOf<typeof maintenanceDelete>): Promise<OutputOf<typeof maintenanceDelete>> {
    await this.silences.deleteWindow(id);
    return {};
  }
}
