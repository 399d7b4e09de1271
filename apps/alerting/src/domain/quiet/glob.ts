/**
 * Whether all of `text` looks like `pattern`: `*` stands for any characters or none, `?` for one, everything else for itself, upper and lower
 * case alike. Only the last `*` is ever tried again: at most text × pattern steps and mostly as many as the text is long, whatever somebody writes.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  // By characters, so that `?` stands for a whole one.
  const wanted = Array.from(pattern.toLowerCase());
  const given = Array.from(text.toLowerCase());
  let at = 0;
  let next = 0;
  let star = -1;
  let starTakesTo = 0;
  while (at < given.length) {
    if (wanted[next] === '*') {
      star = next++;
      starTakesTo = at;
    } else if (wanted[next] === '?' || wanted[next] === given[at]) {
      next++;
      at++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++starTakesTo;
    } else return false;
  }
  return wanted.slice(next).every((one) => one === '*');
}
