export { DockerEngineServer } from './docker-engine.js';
export { eventually } from './eventually.js';
export { hostFigures, hostSample } from './samples.js';
export { NatsServer, createDatabase, databaseKinds, freePort, redisUrl, type DatabaseKind } from './servers.js';
export * from './browser.js';
export * from './oidc-provider.js';
export * from './proxmox/index.js';
