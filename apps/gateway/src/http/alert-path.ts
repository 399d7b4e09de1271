const ACTION = /^(\/api(?:\/v1)?\/alerts\/)([^?#]+)(\/(?:acknowledge|unacknowledge|clear)\/?(?:\?.*)?)$/;

/**
 * The URL by which a route is found: ids of alerts may have slashes, and clients send them as they are. What stands between the beginning and
 * the last word of such a path is one id.
 */
export function withAlertId({ method, url }: { method?: string | undefined; url?: string | undefined }): string {
  const [, before, id, after] = (method === 'POST' && ACTION.exec(url ?? '')) || [];
  return id?.includes('/') ? `${before}${id.replaceAll('/', '%2F')}${after}` : (url ?? '/');
}
