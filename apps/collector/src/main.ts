import { runMain, startService } from '@lapwing/service';
import { CollectorModule } from './collector.module.js';
import { loadConfig } from './config.js';

await runMain('collector', async () => {
  const config = loadConfig();
  return startService('collector', CollectorModule.register(config), config);
});
