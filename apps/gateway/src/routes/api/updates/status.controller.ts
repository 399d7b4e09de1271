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
    const [[current], [last]] = await Promise.all([
      this.bus.request(attemptList, { limit: 1, status: 'in_progress' }).then(({ attempts }) => attempts),
      this.bus.request(attemptList, { limit: 1 }).then(({ attempts }) => attempts),
    ]);
    return toStatusView(current ?? last, Date.now());
  }
}
