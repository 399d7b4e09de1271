import { ConfigError, listenForOps } from '@lapwing/service';
import { createLogger } from '@lapwing/telemetry';
import type { DynamicModule } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { GatewayConfig } from '../config.js';
import { SystemHealthService } from '../services/system-health.service.js';
import { createGateway } from './app.js';

/** Makes the HTTP application of a module and listens; a port that is taken is told in plain words. */
export async function startGateway(module: DynamicModule, config: GatewayConfig): Promise<NestFastifyApplication> {
  const { HOST, PORT } = config;
  const app = await createGateway(module, config);
  try {
    await app.listen(PORT, HOST);
  } catch (error) {
    await app.close();
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new ConfigError(`port ${PORT} of ${HOST} is in use: stop what uses it, or choose another with PORT`);
    throw error;
  }
  await listenBeside(app, config);
  const log = createLogger('gateway', 'http');
  log.info({ url: await app.getUrl() }, 'listening');
  if (config.AUTH_DISABLED) log.warn('AUTH_DISABLED: everyone may do everything, without logging in');
  return app;
}

/** The port of those who run it, where there is one: metrics without a credential, since it is not for the world. */
async function listenBeside(app: NestFastifyApplication, config: GatewayConfig): Promise<void> {
  if (config.LAPWING_OPS_PORT === 0) return;
  const health = app.get(SystemHealthService, { strict: false });
  const report = async () => ({
    status: (await health.report()).ready ? ('healthy' as const) : ('unhealthy' as const),
  });
  const server = await listenForOps({ report }, config.LAPWING_OPS_PORT, config.LAPWING_OPS_HOST);
  server.unref();
}
