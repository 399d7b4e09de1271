import { Bus } from '@lapwing/bus';
import { attemptList } from '@lapwing/contracts';
import { Controller, Get } from '@nestjs/common';
import type { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { StatusView, toStatusView } from './updates.view.js';

/** Pulse's state of the updater. */
@Controller('api/updates/status')
export class UpdateStatusController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('system:read')
  @Answers('What the updater is doing, or how its last attempt ended', StatusView)
  async get(): Promise<z.infer<typeof StatusView>> {
    const { attempts } = await this.bus.request(attemptList, { limit: 50 });
    const current = attempts.find(({ status }) => status === 'in_progress');
    // What was refused because another attempt was under way says nothing of the updater.
    const last = attempts.find(({ errorCode }) => errorCode !== 'UPDATE_IN_PROGRESS');
    return toStatusView(current ?? last, Date.now());
  }
}
