import type { Type } from '@nestjs/common';
import { AgentVersionController } from './api/agent/version.controller.js';
import { DockerCommandsController } from './api/agents/docker/commands.controller.js';
import { DockerHostsController } from './api/agents/docker/hosts.controller.js';
import { DockerReportController } from './api/agents/docker/report.controller.js';
import { AlertConfigController } from './api/alerts.controller.js';
import { AlertActionsController } from './api/alerts/actions.controller.js';
import { ActiveAlertsController } from './api/alerts/active.controller.js';
import { AlertHistoryController } from './api/alerts/history.controller.js';
import { AutoRegisterController } from './api/auto-register.controller.js';
import { BackupsController } from './api/backups.controller.js';
import { ChartsController } from './api/charts.controller.js';
import { ConfigController } from './api/config.controller.js';
import { ConfigExportController } from './api/config/export.controller.js';
import { ConfigImportController } from './api/config/import.controller.js';
import { NodesController } from './api/config/nodes.controller.js';
import { DiagnosticsController } from './api/diagnostics.controller.js';
import { DiscoverController } from './api/discover.controller.js';
import { ExportController } from './api/export.controller.js';
import { GuestMetadataController } from './api/guests/metadata.controller.js';
import { ApiHealthController } from './api/health.controller.js';
import { LoginController } from './api/login.controller.js';
import { NotificationsController } from './api/notifications.controller.js';
import { EmailController } from './api/notifications/email.controller.js';
import { WebhooksController } from './api/notifications/webhooks.controller.js';
import { OidcController } from './api/oidc/oidc.controller.js';
import { AdministrationController } from './api/security/administration.controller.js';
import { PasswordController } from './api/security/change-password.controller.js';
import { SetupController } from './api/security/quick-setup.controller.js';
import { SecurityStatusController } from './api/security/status.controller.js';
import { TokensController } from './api/security/tokens.controller.js';
import { ServerInfoController } from './api/server/info.controller.js';
import { SetupScriptController } from './api/setup-script.controller.js';
import { UserSettingsController } from './api/settings.controller.js';
import { StateController } from './api/state.controller.js';
import { StorageController } from './api/storage.controller.js';
import { SystemConfigController } from './api/system/config.controller.js';
import { CleanupController } from './api/system/cleanup.controller.js';
import { GpuController } from './api/system/gpu.controller.js';
import { SystemHealthController } from './api/system/health.controller.js';
import { MockModeController } from './api/system/mock-mode.controller.js';
import { SeverityController } from './api/system/severity.controller.js';
import { PipelineLatencyController } from './api/system/pipeline-latency.controller.js';
import { SystemSettingsController } from './api/system/settings.controller.js';
import { TelemetryController } from './api/system/telemetry.controller.js';
import { StatsController } from './api/system/stats.controller.js';
import { SystemStorageController } from './api/system/storage.controller.js';
import { TestNotificationController } from './api/test-notification.controller.js';
import { UpdateApplyController } from './api/updates/apply.controller.js';
import { UpdateCheckController } from './api/updates/check.controller.js';
import { UpdateHistoryController } from './api/updates/history.controller.js';
import { UpdatePlanController } from './api/updates/plan.controller.js';
import { UpdateStatusController } from './api/updates/status.controller.js';
import { AgentsController } from './api/v1/agents.controller.js';
import { EnrollController } from './api/v1/agents/enroll.controller.js';
import { PendingAgentsController } from './api/v1/agents/pending.controller.js';
import { AgentSettingsController } from './api/v1/agents/settings.controller.js';
import { TytoAlertsController } from './api/v1/alerts.controller.js';
import { TytoAlertHistoryController } from './api/v1/alerts/history.controller.js';
import { LogRulesController } from './api/v1/alerts/log-rules.controller.js';
import { AlertReplayController } from './api/v1/alerts/replay.controller.js';
import { AlertStreamController } from './api/v1/alerts/stream.controller.js';
import { AuditController } from './api/v1/audit.controller.js';
import { AuditVerifyController } from './api/v1/audit/verify.controller.js';
import { MeController } from './api/v1/auth/me.controller.js';
import { SessionController } from './api/v1/auth/session.controller.js';
import { DeliveriesController } from './api/v1/deliveries.controller.js';
import { ExportMetricsController } from './api/v1/export/metrics.controller.js';
import { V1HealthController } from './api/v1/health.controller.js';
import { HistoryController } from './api/v1/history.controller.js';
import { IncidentsController } from './api/v1/incidents.controller.js';
import { LedgerController } from './api/v1/ledger.controller.js';
import { CheckLicenseController } from './api/v1/license/check.controller.js';
import { IssuedLicensesController } from './api/v1/license/issued.controller.js';
import { LicenseStatusController } from './api/v1/license/status.controller.js';
import { ValidateLicenseController } from './api/v1/license/validate.controller.js';
import { LogsController } from './api/v1/logs.controller.js';
import { LogSourcesController } from './api/v1/logs/sources.controller.js';
import { LogStreamController } from './api/v1/logs/stream.controller.js';
import { LogVolumeController } from './api/v1/logs/volume.controller.js';
import { MaintenanceWindowsController } from './api/v1/maintenance-windows.controller.js';
import { ProcessesController } from './api/v1/processes.controller.js';
import { RolesController } from './api/v1/roles.controller.js';
import { RefreshController } from './api/v1/settings/refresh.controller.js';
import { SilencesController } from './api/v1/silences.controller.js';
import { StreamController } from './api/v1/stream.controller.js';
import { ActivityController } from './api/v1/system/activity.controller.js';
import { SystemLogsController } from './api/v1/system/logs.controller.js';
import { ResourcesController } from './api/v1/system/resources.controller.js';
import { SystemUpdatesController } from './api/v1/system/updates.controller.js';
import { SystemUpdateApplyController } from './api/v1/system/updates/apply.controller.js';
import { SystemUpdateDownloadController } from './api/v1/system/updates/download.controller.js';
import { AgentUpdatesController } from './api/v1/system/updates/agents.controller.js';
import { UsersController } from './api/v1/users.controller.js';
import { ApiVersionController } from './api/version.controller.js';
import { DownloadController } from './download/download.controller.js';
import { HealthController } from './health.controller.js';
import { InstallController } from './install.controller.js';
import { MetricsController } from './metrics.controller.js';
import { SimpleStatsController } from './simple-stats.controller.js';
import { SocketIoController } from './socket.io.controller.js';
import { WebSocketController } from './ws.controller.js';

/** Every controller of the gateway: the one list. */
export const controllers: Type[] = [
  HealthController,
  MetricsController,
  ApiHealthController,
  ApiVersionController,
  SystemHealthController,
  DiagnosticsController,
  StatsController,
  CleanupController,
  SystemStorageController,
  GpuController,
  V1HealthController,
  ResourcesController,
  StreamController,
  HistoryController,
  ExportMetricsController,
  ProcessesController,
  RefreshController,
  LedgerController,
  LogsController,
  LogStreamController,
  LogVolumeController,
  LogSourcesController,
  SystemLogsController,
  LoginController,
  OidcController,
  SecurityStatusController,
  TokensController,
  PasswordController,
  SetupController,
  AdministrationController,
  SessionController,
  MeController,
  UsersController,
  RolesController,
  AuditController,
  AuditVerifyController,
  ActivityController,
  PendingAgentsController,
  EnrollController,
  AgentSettingsController,
  AgentsController,
  AgentUpdatesController,
  DockerReportController,
  DockerHostsController,
  DockerCommandsController,
  AgentVersionController,
  ServerInfoController,
  InstallController,
  DownloadController,
  AutoRegisterController,
  BackupsController,
  ChartsController,
  ConfigExportController,
  ConfigImportController,
  ExportController,
  NodesController,
  DiscoverController,
  GuestMetadataController,
  SetupScriptController,
  StateController,
  StorageController,
  MockModeController,
  SystemSettingsController,
  SystemConfigController,
  ConfigController,
  UserSettingsController,
  TestNotificationController,
  AlertConfigController,
  ActiveAlertsController,
  AlertHistoryController,
  AlertActionsController,
  TytoAlertsController,
  TytoAlertHistoryController,
  AlertStreamController,
  AlertReplayController,
  LogRulesController,
  SilencesController,
  MaintenanceWindowsController,
  IncidentsController,
  DeliveriesController,
  NotificationsController,
  EmailController,
  WebhooksController,
  SeverityController,
  TelemetryController,
  PipelineLatencyController,
  SystemUpdatesController,
  SystemUpdateDownloadController,
  SystemUpdateApplyController,
  UpdateCheckController,
  UpdatePlanController,
  UpdateApplyController,
  UpdateStatusController,
  UpdateHistoryController,
  SimpleStatsController,
  LicenseStatusController,
  ValidateLicenseController,
  CheckLicenseController,
  IssuedLicensesController,
  SocketIoController,
  WebSocketController,
];
