import { AlertingModule } from '@lapwing/alerting/alerting.module';
import { loadConfig as alertingConfig } from '@lapwing/alerting/config';
import { AuthModule } from '@lapwing/auth/auth.module';
import { loadConfig as authConfig } from '@lapwing/auth/config';
import { loadConfig as collectorConfig, loadPollerConfig } from '@lapwing/collector/config';
import { CollectorModule } from '@lapwing/collector/collector.module';
import { PollerModule } from '@lapwing/collector/poller.module';
import { loadConfig as fleetConfig } from '@lapwing/fleet/config';
import { FleetModule } from '@lapwing/fleet/fleet.module';
import { loadConfig as gatewayConfig } from '@lapwing/gateway/config';
import { GatewayModule } from '@lapwing/gateway/gateway.module';
import { draining } from '@lapwing/gateway/http/drain';
import { startGateway } from '@lapwing/gateway/http/start';
import { loadConfig as logStoreConfig } from '@lapwing/log-store/config';
import { LogStoreModule } from '@lapwing/log-store/log-store.module';
import { loadConfig as metricsStoreConfig } from '@lapwing/metrics-store/config';
import { MetricsStoreModule } from '@lapwing/metrics-store/metrics-store.module';
import { runMain } from '@lapwing/service';
import { loadConfig as settingsConfig } from '@lapwing/settings/config';
import { SettingsModule } from '@lapwing/settings/settings.module';
import { loadConfig as updatesConfig } from '@lapwing/updates/config';
import { UpdatesModule } from '@lapwing/updates/updates.module';

/** All services in one process. */
class StandaloneModule {}

await runMain('standalone', async () => {
  const config = gatewayConfig();
  const imports = [
    SettingsModule.register(settingsConfig()),
    AuthModule.register(authConfig()),
    MetricsStoreModule.register(metricsStoreConfig()),
    LogStoreModule.register(logStoreConfig()),
    FleetModule.register(fleetConfig()),
    AlertingModule.register(alertingConfig()),
    UpdatesModule.register(updatesConfig()),
    CollectorModule.register(collectorConfig()),
    PollerModule.register(loadPollerConfig()),
    GatewayModule.register(config),
  ];
  return draining(await startGateway({ module: StandaloneModule, imports }, config));
});
