// The options of `lapwing-release`, by command. Nothing is guessed: what is missing or odd is told, with what is allowed.
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { LaunchError } from '../local/steps.mjs';

/** @typedef {Record<string, string | string[] | boolean | undefined>} Values */

const about = {
  out: 'what is written: the FILE of a key, or the FOLDER of archives, which "release" makes the feed of',
  version: 'VERSION of the release, e.g. 1.2.0 or 1.3.0-rc.1',
  to: 'FOLDER that is made, and holds the tree of the release',
  from: 'FOLDER that "stage" has made',
  feed: 'FOLDER of the feed, which a web server serves',
  key: 'FILE of a private key (mode 0600); twice while keys are changed; else LAPWING_RELEASE_KEY_FILE',
  trust: 'PUBLIC_KEY ("ed25519:…") that is trusted as well; any number of them',
  'feed-url': 'URL of the feed, which an installation of the release asks',
  channel: 'stable or rc; by default what the version says',
  notes: 'FILE with the release notes, Markdown',
  archive: 'FILE of the archive that is added; without one, the feeds are only issued anew',
  'expires-days': 'DAYS for which the feed is believed (90)',
  'agent-statement':
    "FILE with a release's signed statement about its agent, to make that release again without its key",
  'without-postgres': 'leaves the PostgreSQL of the npm package out, as images do: there a server runs beside them',
};

/** Of each command: what it does, what it must be told, and what it can be. */
const commands = {
  release: ['all of it: stage, pack, sign and verify', 'version out', 'key channel notes feed-url trust expires-days'],
  keygen: ['makes a key', 'out', ''],
  stage: ['puts together what is shipped', 'version to', 'feed-url trust key agent-statement without-postgres'],
  pack: ['makes the archive, its sum and its bill of materials', 'from out', ''],
  sign: ['adds an archive to a feed, or issues the feeds anew', 'feed', 'key trust channel expires-days notes archive'],
  verify: ['checks feeds and all that they name', 'feed trust', 'channel'],
};

/** Those that may stand more than once. */
const lists = ['key', 'trust'];
/** Those that say all by standing there. */
const flags = ['without-postgres'];

/** @param {string} [name] of a command; without one, of all */
export function helpOf(name) {
  if (name === undefined || !isCommand(name)) {
    const lines = Object.entries(commands).map(([command, [what]]) => `  ${command.padEnd(10)}${what}`);
    return `npm run lapwing-release -- COMMAND …, and --help after a command:\n\n${lines.join('\n')}\n`;
  }
  const [what, required = '', optional = ''] = commands[name];
  const line = (/** @type {string} */ option, /** @type {string} */ mark) =>
    `  ${`--${option}`.padEnd(20)}${about[/** @type {keyof typeof about} */ (option)]}${mark}`;
  const lines = [
    ...words(required).map((option) => line(option, ' (required)')),
    ...words(optional).map((option) => line(option, '')),
  ];
  return `lapwing-release ${name}: ${what}\n\n${lines.join('\n')}\n`;
}

/**
 * The options of a command; undefined when its help is wanted.
 * @param {string} name
 * @param {string[]} args
 * @returns {Values | undefined}
 */
export function readCommand(name, args) {
  if (!isCommand(name)) throw new LaunchError(`there is no command "${name}"\n\n${helpOf()}`);
  const [, required = '', optional = ''] = commands[name];
  /** @type {Record<string, { type: 'string' | 'boolean', multiple?: boolean }>} */
  const options = { help: { type: 'boolean' } };
  for (const option of [...words(required), ...words(optional)])
    options[option] = flags.includes(option)
      ? { type: 'boolean' }
      : { type: 'string', multiple: lists.includes(option) };
  const values = /** @type {Values} */ (parsed(name, args, options));
  if (values.help) return undefined;
  const missing = words(required).filter((option) => values[option] === undefined);
  if (missing.length > 0)
    throw new LaunchError(`${name} needs ${missing.map((option) => `--${option}`).join(', ')}\n\n${helpOf(name)}`);
  const empty = Object.entries(values).find(([, value]) => [value].flat().includes(''));
  if (empty) throw new LaunchError(`--${empty[0]} is empty`);
  return values;
}

/**
 * @param {string} name
 * @param {string[]} args
 * @param {Record<string, { type: 'string' | 'boolean', multiple?: boolean }>} options
 */
function parsed(name, args, options) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new LaunchError(`${error instanceof Error ? error.message : String(error)}\n\n${helpOf(name)}`);
  }
}

/**
 * @param {string} name
 * @returns {name is keyof typeof commands}
 */
const isCommand = (name) => Object.hasOwn(commands, name);

/** @param {string} text */
const words = (text) => text.split(' ').filter(Boolean);

/**
 * @param {Values} values
 * @param {string} option
 */
export const one = (values, option) => /** @type {string | undefined} */ (values[option]);

/**
 * @param {Values} values
 * @param {string} option
 */
export const many = (values, option) => /** @type {string[] | undefined} */ (values[option]) ?? [];

/**
 * One that was required.
 * @param {Values} values
 * @param {string} option
 */
export const given = (values, option) => one(values, option) ?? '';

/**
 * A whole number of days, 1 to 3650.
 * @param {string | undefined} text
 */
export function days(text = '90') {
  if (!/^\d{1,4}$/.test(text) || Number(text) < 1 || Number(text) > 3650)
    throw new LaunchError(`--expires-days must be a whole number from 1 to 3650, not "${text}"`);
  return Number(text);
}

/**
 * @param {string | undefined} text
 * @returns {string | null}
 */
export function feedUrl(text) {
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash)
    throw new LaunchError(`--feed-url must be http(s)://HOST/FOLDER without a user or a query, not "${text}"`);
  return url.href;
}

/**
 * A file that is there.
 * @param {string} option
 * @param {string} file
 */
export function existing(option, file) {
  if (!fs.existsSync(file)) throw new LaunchError(`--${option} names ${file}, which is not there`);
  return file;
}
