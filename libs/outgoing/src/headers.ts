/** What is decided by the connection, not by who sends: with these a request could be made to look like two, or like one for another host. */
const DECIDED = new Set(
  'connection content-length expect host http2-settings keep-alive proxy-connection te trailer transfer-encoding upgrade'.split(
    ' ',
  ),
);
const NAME = /^[!#$%&'*+.^_`|~\w-]{1,128}$/;
const VALUE = /^[\t\x20-\x7e]{0,8192}$/;

/**
 * What keeps a header from being sent; undefined when nothing does. Source: RFC 9110, section 5.
 * @returns a sentence that holds the name as far as it is one, and never the value.
 */
export function headerProblem(name: string, value: string): string | undefined {
  if (!NAME.test(name)) return 'the name of a header may hold letters, digits and hyphens only';
  if (DECIDED.has(name.toLowerCase())) return `the header "${name}" cannot be set`;
  if (!VALUE.test(value)) return `the header "${name}" may hold printable ASCII only, on one line`;
  return undefined;
}
