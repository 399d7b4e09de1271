import type { Type } from '@nestjs/common';
import { ApiHealthController } from './api/health.controller.js';
import { GpuController } from './api/system/gpu.controller.js';
import { SystemHealthController } from './api/system/health.controller.js';
import { ExportMetricsController } from './api/v1/export/metrics.controller.js';
import { V1HealthController } from './api/v1/health.controller.js';
import { HistoryController } from './api/v1/history.controller.js';
import { LedgerController } from './api/v1/ledger.controller.js';
import { ProcessesController } from './api/v1/processes.controller.js';
import { RefreshController } from './api/v1/settings/refresh.controller.js';
import { StreamController } from './api/v1/stream.controller.js';
import { ResourcesController } from './api/v1/system/resources.controller.js';
import { ApiVersionController } from './api/version.controller.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';

/** Every controller of the gateway: the one list. */
export const controllers: Type[] = [
  HealthController,
  MetricsController,
  ApiHealthController,
  ApiVersionController,
  SystemHealthController,
  GpuController,
  V1HealthController,
  ResourcesController,
  StreamController,
  HistoryController,
  ExportMetricsController,
  ProcessesController,
  RefreshController,
  LedgerController,
];
