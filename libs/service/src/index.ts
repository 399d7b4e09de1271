export { ConfigError, Secret, busConfig, commonConfig, databaseConfig, readConfig, secret } from './config.js';
export { Health, healthProvider, worstOf, type Finding } from './health.js';
export { nestLogger, runMain, startService } from './run.js';
