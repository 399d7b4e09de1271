/** A request was not sent, or its answer not taken. The message may be shown to whoever gave the URL. */
export class OutgoingError extends Error {
  override readonly name: string = 'OutgoingError';
}

/** The connection failed, or the other side took too long: it may go well another time. */
export class ConnectionError extends OutgoingError {
  override readonly name = 'ConnectionError';
}

/** What Node's codes mean. Texts of errors are not shown: they hold addresses, which tell whoever asks what is in the network. */
const SENTENCES: Record<string, string> = {
  ECONNREFUSED: 'the host refuses the connection',
  ECONNRESET: 'the host closed the connection before it answered',
  EPIPE: 'the host closed the connection before it answered',
  ETIMEDOUT: 'the host takes too long',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the host cannot be reached',
  EADDRNOTAVAIL: 'the host cannot be reached',
  ENOTFOUND: 'the name of the host is not known',
  EAI_AGAIN: 'the name of the host could not be looked up',
  EPROTO: 'the host does not speak TLS as it should',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is not for this host',
  CERT_HAS_EXPIRED: 'the certificate of the host has expired',
};

/** An error of a connection, whatever it was, as one that may be shown. */
export function sayable(error: unknown): OutgoingError {
  if (error instanceof OutgoingError) return error;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (cause instanceof OutgoingError) return cause;
  return new ConnectionError(sentenceOf(typeof code === 'string' ? code : ''), { cause: error });
}

function sentenceOf(code: string): string {
  const known = SENTENCES[code];
  if (known) return known;
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) return `the certificate of the host is not trusted (${code})`;
  if (code.startsWith('HPE_')) return 'the host does not answer as HTTP does';
  return code.startsWith('ERR_SSL') ? 'the host does not speak TLS as it should' : 'the connection failed';
}
