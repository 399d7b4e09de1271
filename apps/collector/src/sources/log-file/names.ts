import path from 'node:path';

const COMPRESSED = /\.(gz|xz|zst|bz2|lz4|zip)$/i;
/** What programs that turn logs over put behind a name, e.g. `.1`, `-20261121`, `.2026-11-21`, `-20261121-1763683200`. */
const TURNED = /(?:\.\d{1,6}|[.-]\d{8}(?:[-.T]?\d{1,10})?|[.-]\d{4}-\d{2}-\d{2}(?:[-_T.][\d:.-]{1,12})?)$/;
/** The same before the ending, e.g. `app-20261121.log`, `app__2026-11-21_00-00-00.log`. */
const TURNED_INSIDE = /(?:__|[.-])(?:\d{8}(?:[-.]?\d{1,10})?|\d{4}-\d{2}-\d{2}(?:[-_T.][\d:.-]{1,12})?)$/;

/** Whether a file was compressed, by its name. */
export function isCompressed(name: string): boolean {
  return COMPRESSED.test(name);
}

/** The names under which a file may have been written before it was turned over to this one: `app.log` for `app.log.1` and `app-20261121.log`. */
export function currentNames(name: string): string[] {
  const { name: stem, ext } = path.parse(name);
  const outside = name.replace(TURNED, '');
  const inside = `${stem.replace(TURNED_INSIDE, '')}${ext}`;
  return [outside, inside].filter((one) => one !== name && one !== '' && one !== ext);
}

/** Whether the file `name` may be what `current` was before it was turned over. */
export function mayPrecede(name: string, current: string): boolean {
  return !isCompressed(name) && currentNames(name).includes(current);
}

/** The number behind a name (`.3` is older than `.2`); undefined when it has none, or a date. */
export function turnOf(name: string): number | undefined {
  const number = /\.(\d{1,6})$/.exec(name)?.[1];
  return number === undefined ? undefined : Number(number);
}
