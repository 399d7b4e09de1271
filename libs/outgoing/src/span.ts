import { SpanKind, inSpan } from '@lapwing/telemetry';

/**
 * Runs a request that leaves inside a span. It says where to, and nothing else of the URL, which may hold secrets; nor is the
 * receiver told of the trace, which is no business of his.
 */
export function inRequestSpan<T extends { status: number }>(
  url: URL,
  method: string,
  work: () => Promise<T>,
): Promise<T> {
  const attributes = {
    'http.request.method': method,
    'url.scheme': url.protocol.slice(0, -1),
    'server.address': url.hostname,
    'server.port': Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
  };
  return inSpan(method, { kind: SpanKind.CLIENT, attributes }, async (span) => {
    const answer = await work();
    span.setAttribute('http.response.status_code', answer.status);
    if (answer.status >= 400) span.setAttribute('error.type', String(answer.status));
    return answer;
  });
}
