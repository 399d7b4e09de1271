export { forbiddenReason, type Reach } from './addresses.js';
export { Deadline } from './deadline.js';
export { OutgoingError } from './lookup.js';
export { outgoing, type OutgoingOptions } from './outgoing.js';
export { OutgoingSession, certificateFingerprint, type CertificateCheck, type SessionAnswer } from './session.js';
