import { runMain, startService } from '@lapwing/service';
import { loadConfig } from './config.js';
import { UpdatesModule } from './updates.module.js';

await runMain('updates', async () => {
  const config = loadConfig();
  return startService('updates', UpdatesModule.register(config), config);
});
