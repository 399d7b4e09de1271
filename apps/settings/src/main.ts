import { runMain, startService } from '@lapwing/service';
import { loadConfig } from './config.js';
import { SettingsModule } from './settings.module.js';

await runMain('settings', async () => {
  const config = loadConfig();
  return startService('settings', SettingsModule.register(config), config);
});
