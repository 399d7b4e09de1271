import { Bus } from '@lapwing/bus';
import { pipelineGet, queuesGet } from '@lapwing/contracts';
import { Controller, Get } from '@nestjs/common';
import { OpenRead } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { Telemetry, toTelemetry } from './telemetry.view.js';

const WINDOW_MINUTES = 60;

/** What waits in the pipeline now, and how long its stages took in the last hour. */
@Controller('api/system/telemetry')
export class TelemetryController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @OpenRead('dashboard:view')
  @Answers('Queues of the pipeline, and how long its stages took in the last hour', Telemetry)
  async get() {
    const [queues, measured] = await Promise.all([
      this.bus.request(queuesGet, {}),
      this.bus.request(pipelineGet, { windowMinutes: WINDOW_MINUTES }),
    ]);
    return toTelemetry(queues, measured, Date.now());
  }
}
