import type { LogEntry } from '@lapwing/contracts';
import { entryOf } from '../../domain/logs/entry.js';
import { levelOfValue } from '../../domain/logs/level.js';
import type { FileLine } from '../log-file/gate.js';

/** What stands in the entry itself, or says nothing. */
const KNOWN = new Set(['level', 'time', 'msg', 'service', 'pid', 'hostname', 'v']);

/** Which process printed what is in this file, and where. */
export interface Printed {
  process: string;
  stream: 'out' | 'err';
  /** Whether Lapwing's own services print there: their lines say which of them it was. */
  isOwn: boolean;
}

/** A line that a process printed; one in JSON as pino writes it (`level`, `time`, `msg`) becomes what it means. */
export function serviceEntry({ process, stream, isOwn }: Printed, line: FileLine, now: number): LogEntry {
  const { text, originalBytes } = line;
  const fields = { stream, ...line.fields };
  const json = text.startsWith('{') ? parsed(text) : undefined;
  if (!json || typeof json['msg'] !== 'string' || json['level'] === undefined)
    return entryOf({ source: 'service', name: process, text, fields, originalBytes }, now);
  const name = isOwn && typeof json['service'] === 'string' ? json['service'] : process;
  const time = timeOf(json['time']);
  const level = levelOfValue(shown(json['level']));
  return entryOf(
    { source: 'service', name, text: json['msg'], time, level, fields: { ...fields, ...others(json) }, originalBytes },
    now,
  );
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function timeOf(value: unknown): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : value;
  return typeof time === 'number' && Number.isFinite(time) ? time : undefined;
}

/** The other fields, one level of nested ones as `error.message`. */
function others(json: Record<string, unknown>): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [key, value] of Object.entries(json)) {
    if (KNOWN.has(key) || key === 'stream') continue;
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const [inner, one] of Object.entries(value)) fields[`${key}.${inner}`] = shown(one);
    else fields[key] = shown(value);
  }
  return fields;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
