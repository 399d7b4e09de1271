export { BusAuthority, type Revocation } from './authority.js';
export { Bus, type Published } from './bus.js';
export type { BusOptions, Door } from './connection.js';
export type { ConsumerOptions, Delivery } from './consumer.js';
export type { Gathering } from './gather.js';
export { AgentKey, isSignedBy, lifeOf, readCredentials, writeCredentials, type Credentials } from './credentials.js';
export { OnCommand, OnEvent, OnInquiry, OnNews, OnRequest } from './decorators.js';
export {
  EventFeed,
  consumerProgress,
  lastOf,
  readStream,
  streamBounds,
  waitingFor,
  type FeedMessage,
  type FeedOptions,
} from './feed.js';
export { makeBusKeys, readAuthority, type AuthorityKeys } from './keys.js';
export { Leases } from './leases.js';

export { agentPermissions, busServices, servicePermissions, type BusService } from './permissions.js';
export { ownConsumers, streamStates, type StreamState } from './queue-state.js';
export { Shares, type Worker } from './shares.js';
export type { Ground } from './ground.js';
export { BusServer, busProviders, type BusSetup } from './server.js';
export { defaultStreamLimits, type StreamLimits } from './streams.js';
export { within } from './within.js';
