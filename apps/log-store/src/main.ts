import { runMain, startService } from '@lapwing/service';
import { loadConfig } from './config.js';
import { LogStoreModule } from './log-store.module.js';

await runMain('log-store', async () => {
  const config = loadConfig();
  return startService('log-store', LogStoreModule.register(config), config);
});
