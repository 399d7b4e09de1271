import {
  cleanLogName,
  cleanLogText,
  MAX_LOG_FIELD_NAME,
  MAX_LOG_FIELD_VALUE,
  MAX_LOG_FIELDS,
  MAX_LOG_MESSAGE,
  MAX_LOG_NAME,
  type LogEntry,
  type LogLevel,
  type LogSourceKind,
} from '@lapwing/contracts';
import { levelOf } from './level.js';
import { cutText } from './text.js';
import { timeOf } from './time.js';

const NEWEST = 8.64e15;
/** What is cut anyway need not be cleaned; escape sequences may make a text this much shorter before it counts as cut. */
const RAW_FACTOR = 4;

/** What a source knows of a line. */
export interface RawEntry {
  source: LogSourceKind;
  /** The unit, path, container or process; of any form and length. */
  name: string;
  text: string;
  /** When it was written, if the source itself knows: milliseconds since 1970. */
  time?: number | undefined;
  /** How serious it is, if the source itself knows. */
  level?: LogLevel | undefined;
  fields?: Record<string, string> | undefined;
  /** How long it was, where the text holds less than there was. */
  originalBytes?: number | undefined;
}

/**
 * A line as it is taken down: clean, within all bounds of the contract, and marked (`truncated`, `original_length` in bytes) when something of the text
 * had to be cut. Time and level are the source's, else the text's own, else `now` (milliseconds since 1970) and `info`. Of too many fields the first
 * stay; one named `__proto__` does not.
 */
export function entryOf(raw: RawEntry, now: number): LogEntry {
  const begin = cutText(raw.text, MAX_LOG_MESSAGE * RAW_FACTOR);
  const clean = cleanLogText(begin);
  const message = cutText(clean, MAX_LOG_MESSAGE);
  const isCut = raw.originalBytes !== undefined || begin.length < raw.text.length || message.length < clean.length;
  const fields = fieldsOf(raw.fields ?? {}, isCut ? MAX_LOG_FIELDS - 2 : MAX_LOG_FIELDS);
  if (isCut) {
    fields.truncated = 'true';
    fields.original_length = String(raw.originalBytes ?? Buffer.byteLength(raw.text));
  }
  return {
    time: instantOf(raw.time) ?? timeOf(message, now) ?? instantOf(now) ?? 0,
    source: raw.source,
    name: nameOf(raw.name),
    level: raw.level ?? levelOf(message) ?? 'info',
    message,
    fields,
  };
}

function instantOf(time: number | undefined): number | undefined {
  if (time === undefined || !(time >= 0 && time <= NEWEST)) return undefined;
  return Math.floor(time);
}

function nameOf(name: string): string {
  return cutText(cleanLogName(cutText(name, MAX_LOG_NAME * RAW_FACTOR)).trim(), MAX_LOG_NAME) || 'unknown';
}

function fieldsOf(raw: Record<string, string>, max: number): Record<string, string> {
  const fields: Record<string, string> = {};
  let count = 0;
  for (const [rawName, rawValue] of Object.entries(raw)) {
    const name = cutText(cleanLogName(cutText(rawName, MAX_LOG_FIELD_NAME * RAW_FACTOR)), MAX_LOG_FIELD_NAME);
    if (name === '' || name === '__proto__' || Object.hasOwn(fields, name)) continue;
    if (count === max) break;
    fields[name] = cutText(cleanLogText(cutText(rawValue, MAX_LOG_FIELD_VALUE * RAW_FACTOR)), MAX_LOG_FIELD_VALUE);
    count += 1;
  }
  return fields;
}
