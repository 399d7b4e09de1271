const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Whether a server may be asked without TLS: this host itself always, others where the operator says so.
 * @param url where the server is.
 */
export function allowsHttp(url: string, isAllowed: boolean): boolean {
  return isAllowed || LOOPBACK.test(new URL(url).hostname);
}
