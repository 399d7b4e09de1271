export { forbiddenReason, type Reach } from './addresses.js';
export { OutgoingError } from './lookup.js';
export { outgoing, type OutgoingOptions } from './outgoing.js';
