import { runMain, startService } from '@lapwing/service';
import { AlertingModule } from './alerting.module.js';
import { loadConfig } from './config.js';

await runMain('alerting', async () => {
  const config = loadConfig();
  return startService('alerting', AlertingModule.register(config), config);
});
