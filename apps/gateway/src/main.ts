import { runMain } from '@lapwing/service';
import { loadConfig } from './config.js';
import { GatewayModule } from './gateway.module.js';
import { draining } from './http/drain.js';
import { startGateway } from './http/start.js';

await runMain('gateway', async () => {
  const config = loadConfig();
  return draining(await startGateway(GatewayModule.register(config), config));
});
