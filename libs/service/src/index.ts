export {
  ConfigError,
  Secret,
  busConfig,
  commonConfig,
  databaseConfig,
  flag,
  list,
  readConfig,
  secret,
} from './config.js';
export { FollowedSettings, followedSettingsProvider } from './followed-settings.js';
export { Health, healthProvider, worstOf, type Finding } from './health.js';
export { Heartbeat } from './heartbeat.js';
export { listenForOps, type Reporting } from './ops.js';
export { processFacts } from './process-facts.js';
export { restartProviders } from './restart.js';
export { nestLogger, runMain, startService } from './run.js';
export { SecretKey, secretKeyConfig } from './secret-key.js';
