/** What stands where a secret is kept. */
export const STARS = '********';

const MAY_SHOW = /^(content-type|accept|title|priority|tags|x-priority|markdown)$/i;
const SECRET_FIELD = /key|token|secret|pass|auth|user|credential/i;

/** Values of headers, which may be secret, as people may see them. */
export function shownHeaders(headers: Record<string, string>): Record<string, string> {
  return masked(headers, (name) => !MAY_SHOW.test(name));
}

/** Values of own fields as people may see them. */
export function shownFields(fields: Record<string, string>): Record<string, string> {
  return masked(fields, (name) => SECRET_FIELD.test(name));
}

function masked(values: Record<string, string>, isSecret: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, isSecret(name) && value !== '' ? STARS : value]),
  );
}

/** Values as they are meant: stars keep what is there. */
export function unmasked(given: Record<string, string>, kept: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      value === STARS ? (Object.hasOwn(kept, name) && kept[name]) || '' : value,
    ]),
  );
}

/**
 * Where a URL leads: scheme, host and port. It must stand there as it is: what templates make of alerts is chosen by those who name machines.
 * @returns undefined for a URL whose origin is not plain.
 */
export function originOf(url: string): string | undefined {
  const plain = /^https?:\/\/[^/?#{}@\\\s]+(?=[/?#]|$)/i.exec(url)?.[0];
  return plain !== undefined && URL.canParse(plain) ? new URL(plain).origin : undefined;
}

/** Where a URL leads, without its secret parts: the host alone. */
export function targetOf(url: string): string {
  const origin = originOf(url);
  return origin === undefined ? '' : new URL(origin).host;
}
