export { forbiddenReason, type Reach } from './addresses.js';
export { outgoing, OutgoingError, type OutgoingOptions } from './outgoing.js';
