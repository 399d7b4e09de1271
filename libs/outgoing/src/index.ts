export { forbiddenReason, isNetwork, type Reach } from './addresses.js';
export { connect, type ConnectOptions } from './connect.js';
export { Deadline } from './deadline.js';
export { send, type SendAnswer, type SendOptions } from './deliver.js';
export { ConnectionError, OutgoingError, sayable } from './errors.js';
export { headerProblem } from './headers.js';
export { checkUrl, type Resolve } from './lookup.js';
export { outgoing, type OutgoingOptions } from './outgoing.js';
export { OutgoingSession, certificateFingerprint, type CertificateCheck, type SessionAnswer } from './session.js';
