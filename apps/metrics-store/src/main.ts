import { runMain, startService } from '@lapwing/service';
import { loadConfig } from './config.js';
import { MetricsStoreModule } from './metrics-store.module.js';

await runMain('metrics-store', async () => {
  const config = loadConfig();
  return startService('metrics-store', MetricsStoreModule.register(config), config);
});
