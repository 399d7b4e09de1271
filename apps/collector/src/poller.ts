import { runMain, startService } from '@lapwing/service';
import { loadPollerConfig } from './config.js';
import { PollerModule } from './poller.module.js';

await runMain('poller', async () => {
  const config = loadPollerConfig();
  return startService('poller', PollerModule.register(config), config);
});
