import { registry } from '@lapwing/telemetry';
import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Requires } from '../http/access.js';

/** The process's own metrics, for Prometheus. */
@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  @Get()
  @Header('content-type', registry.contentType)
  @Requires('system:read')
  get(): Promise<string> {
    return registry.metrics();
  }
}
