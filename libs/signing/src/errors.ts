/** A statement is not believed, or a key is none. The message may be shown: it holds nothing of keys. */
export class SigningError extends Error {
  override readonly name = 'SigningError';
}
