import { runMain, startService } from '@lapwing/service';
import { AuthModule } from './auth.module.js';
import { loadConfig } from './config.js';

await runMain('auth', async () => {
  const config = loadConfig();
  return startService('auth', AuthModule.register(config), config);
});
