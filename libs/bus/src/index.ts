export { Bus, type Published } from './bus.js';
export type { BusOptions } from './connection.js';
export type { ConsumerOptions, Delivery } from './consumer.js';
export { OnCommand, OnEvent, OnNews, OnRequest } from './decorators.js';
export { EventFeed, consumerProgress, readStream, streamBounds, type FeedMessage } from './feed.js';
export { BusServer, busProviders, type BusSetup } from './server.js';
export { defaultStreamLimits, type StreamLimits } from './streams.js';
