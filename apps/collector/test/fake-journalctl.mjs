// Behaves like journalctl of systemd 252 on the options that the collector uses. The journal is a file: an entry a line, in JSON, with all its fields.
// Usage: node fake-journalctl.mjs <file> <options of journalctl>
import fs from 'node:fs';

const [file = '', ...args] = process.argv.slice(2);
const option = (name) => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const follow = args.includes('--follow');
const fail = (reason) => {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
};
process.stdout.on('error', () => process.exit(1));

let read = 0;
let rest = '';
/** The entries that came since the last call. */
function more() {
  const size = fs.statSync(file).size;
  if (size < read) [read, rest] = [0, ''];
  const bytes = Buffer.alloc(size - read);
  const descriptor = fs.openSync(file, 'r');
  fs.readSync(descriptor, bytes, 0, bytes.length, read);
  fs.closeSync(descriptor);
  read = size;
  const lines = (rest + bytes.toString('utf8')).split('\n');
  rest = lines.pop() ?? '';
  return lines.map((line) => JSON.parse(line));
}

const wanted = new Set((option('output-fields') ?? '').split(','));
function print(entry) {
  const fields = Object.entries(entry).filter(
    ([name]) => name.startsWith('__') || name === '_BOOT_ID' || wanted.has(name),
  );
  const shown = fields.map(([name, value]) => [
    name,
    typeof value === 'string' && value.length > 4096 && !args.includes('--all') ? null : value,
  ]);
  process.stdout.write(`${JSON.stringify(Object.fromEntries(shown))}\n`);
}

const count = (cursor) => Number.parseInt(/;i=([0-9a-f]+);/.exec(cursor)?.[1] ?? '', 16);
function begin(entries) {
  const [cursor, since] = [option('cursor'), option('since')];
  if (cursor !== undefined) {
    if (Number.isNaN(count(cursor))) fail('Failed to seek to cursor: Invalid argument');
    return entries.filter((entry) => count(entry['__CURSOR']) >= count(cursor));
  }
  if (since !== undefined) {
    const from = Math.round(Number(since.slice(1)) * 1e6);
    return entries.filter((entry) => Number(entry['__REALTIME_TIMESTAMP']) >= from);
  }
  return entries;
}

if (!fs.existsSync(file)) fail('No journal files were found.');
const all = more();
const boot = all.at(-1)?.['_BOOT_ID'];
let first = begin(all);
if (follow) {
  // As the real one: of the current boot, and of that the last ten unless it is told otherwise.
  first = first.filter((entry) => entry['_BOOT_ID'] === boot);
  if (!args.includes('--no-tail'))
    first = first.slice(first.length - Math.min(Number(option('lines') ?? 10), first.length));
}
for (const entry of first) print(entry);
if (follow) setInterval(() => more().forEach(print), 10);
