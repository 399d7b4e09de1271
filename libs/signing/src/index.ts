export { envelopeSchema, signEnvelope, verifyEnvelope, type Envelope } from './envelope.js';
export { openEnvelope } from './open.js';
export { SigningError } from './errors.js';
export { isPublicKey, keyIdOf, makeKeys, publicKeyOf } from './keys.js';
