import type { LogLevel } from '@lapwing/contracts';
import { jsonField, plainWords } from './text.js';

const names: Record<LogLevel, string> = {
  critical: 'emerg emergency panic pani alert crit critical fatal fata ftl',
  error: 'error erro eror err severe fail',
  warning: 'warning warn wrn',
  notice: 'notice',
  info: 'info inf information informational log',
  debug: 'debug debu dbg dbug trace trac trce verbose vrb fine finer finest',
};
const byName = new Map(
  Object.entries(names).flatMap(([level, all]) => all.split(' ').map((name) => [name, level as LogLevel] as const)),
);
const priorities: readonly LogLevel[] = [
  'critical',
  'critical',
  'critical',
  'error',
  'warning',
  'notice',
  'info',
  'debug',
];

/** Where loggers put a level: in so many characters of the first line. */
const HEAD = 120;
const LOGFMT_HEAD = 256;
const JSON_NAMES = new Set([
  'level',
  'lvl',
  'severity',
  'log.level',
  'loglevel',
  'levelname',
  'level_name',
  'severity_text',
  'priority',
]);
const MONGO = new Set(['s']);
const mongo: Record<string, LogLevel> = { F: 'critical', E: 'error', W: 'warning', I: 'info', D: 'debug' };
const redis: Record<string, LogLevel> = { '.': 'debug', '-': 'debug', '*': 'notice', '#': 'warning' };

const KERNEL = /^<(\d{1,3})>/;
const KLOG = /^([IWEF])\d{4} \d\d:\d\d:\d\d/;
const REDIS = /^\d{1,7}:[XCSM] \d\d \w{3} \d{4} [\d:.]{8,12} ([.\-*#]) /;
const LOGFMT = /(?:^|[\s,])(?:level|lvl|severity|loglevel)="?([A-Za-z]{1,13}|\d{1,2})(?![\w.])/i;
const WORDS = new RegExp(
  `(?<![\\w./-])(?:${[...byName.keys()].toSorted((a, b) => b.length - a.length).join('|')})(?![\\w.'-])`,
  'gi',
);
/** What runtimes print when they give up. */
const CRASH = /^(?:panic: |fatal error: |thread '[^']{0,60}' panicked at )/;
const EXCEPTION =
  /^(?:Traceback \(most recent call last\)|Exception in thread |(?:Uncaught |Unhandled )?(?:[\w$]{1,40}\.){0,12}[\w$]{0,60}(?:Error|Exception)(?: \[\w{1,40}\])?:)/;

/** The level that a name means, in upper or lower case: of syslog, of loggers, or their usual short forms. `trace` and `verbose` are `debug`. */
export function levelOfName(name: string): LogLevel | undefined {
  return name.length > 13 ? undefined : byName.get(name.toLowerCase());
}

/** The level of a priority of syslog and the journal, 0 (emergency) to 7 (debug); undefined for another number. Source: RFC 5424, 6.2.1. */
export function levelOfPriority(priority: number): LogLevel | undefined {
  return priorities[priority];
}

/**
 * The level that a line itself tells, undefined when it tells none: a field of JSON or logfmt, a prefix of the kernel or of klog, or a word at the places
 * where loggers put it, within the first 120 characters. A word in a sentence ("no error") is none. Takes text without escape sequences; linear.
 */
export function levelOf(text: string): LogLevel | undefined {
  const first = text.charCodeAt(0);
  if (first === 0x7b) return ofJson(text);
  if (first === 0x3c) {
    const kernel = KERNEL.exec(text);
    if (kernel) return levelOfPriority(Number(kernel[1]) & 7);
  }
  const end = text.indexOf('\n');
  const line = text.slice(0, end < 0 ? LOGFMT_HEAD : Math.min(end, LOGFMT_HEAD));
  const klog = KLOG.exec(line);
  if (klog) return mongo[klog[1] ?? ''];
  const field = line.includes('=') && LOGFMT.exec(line);
  if (field) return levelOfValue(field[1] ?? '');
  if (CRASH.test(line)) return 'critical';
  if (EXCEPTION.test(line)) return 'error';
  const own = REDIS.exec(line);
  if (own) return redis[own[1] ?? ''];
  return ofWords(line.slice(0, HEAD));
}

function ofJson(text: string): LogLevel | undefined {
  const value = jsonField(text, JSON_NAMES);
  if (value !== undefined) return levelOfValue(value);
  const short = jsonField(text, MONGO);
  return short !== undefined && /^[FEWID]\d?$/.test(short) ? mongo[short.charAt(0)] : undefined;
}

/**
 * The level that the value of a field means: a name, or a number: up to 7 those of syslog; from 10 on those of pino and bunyan, where one between two
 * belongs to the lower.
 */
export function levelOfValue(value: string): LogLevel | undefined {
  const number = /^\d{1,3}$/.test(value) ? Number(value) : undefined;
  if (number === undefined) return levelOfName(value);
  if (number < 10) return levelOfPriority(number);
  if (number >= 60) return 'critical';
  return (['debug', 'debug', 'info', 'warning', 'error'] as const)[Math.floor(number / 10) - 1];
}

function ofWords(head: string): LogLevel | undefined {
  for (const match of head.matchAll(WORDS)) {
    const [word] = match;
    if (isAtItsPlace(word, head.slice(0, match.index), head.slice(match.index + word.length))) return levelOfName(word);
  }
  return undefined;
}

/**
 * Before a level stand a time, a host, a process, a module, but hardly words of a sentence. Upper case is enough then; in lower case it wants a sign
 * behind it, too. A number alone before it counts something ("0 ERROR").
 */
function isAtItsPlace(word: string, before: string, after: string): boolean {
  if (/^\s*\d{1,7}\s+$/.test(before)) return false;
  const words = plainWords(before);
  if (words > 3) return false;
  const isLed = words === 0 || /(?:[:\])>|}]\s{0,8}|\s-{1,3}\s{1,8}|\t)$/.test(before);
  const isClosed = /^(?:! |!? {0,8}[:\]|\t)>]| {1,8}-{1,2} |\[\d)/.test(after);
  const isEnclosed = /[[(<|:]\s{0,8}$/.test(before) && isClosed;
  if (isEnclosed && words <= 1) return true;
  const isUpper = word === word.toUpperCase();
  if (isUpper && /^(?:$|[\s:\]|)>!,/[])/.test(after)) return isLed || (words <= 1 && isClosed);
  return isLed && isClosed;
}
