/**
 * Whether a client wants a page (`text/html`) rather than JSON: browsers name it, programs name JSON, anything or nothing.
 * Source: RFC 9110, 12.5.1; of two that are wanted as much, the one that is named first.
 */
export function prefersPage(accept: string | undefined): boolean {
  const wanted = (accept ?? '').split(',').map((part, place) => {
    const [type = '', ...parameters] = part.trim().toLowerCase().split(/ *; */);
    const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    return { type, quality: Number.isFinite(quality) ? quality : 0, place };
  });
  const best = wanted
    .filter(({ type, quality }) => quality > 0 && ['text/html', 'application/json'].includes(type))
    .toSorted((one, other) => other.quality - one.quality || one.place - other.place)[0];
  return best?.type === 'text/html';
}
