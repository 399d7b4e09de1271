import { runMain, startService } from '@lapwing/service';
import { loadConfig } from './config.js';
import { FleetModule } from './fleet.module.js';

await runMain('fleet', async () => {
  const config = loadConfig();
  return startService('fleet', FleetModule.register(config), config);
});
