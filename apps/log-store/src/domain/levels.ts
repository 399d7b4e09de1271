import { logLevels, type LogLevel } from '@lapwing/contracts';

/** A level as it is stored: its place among all, least serious first. */
export function levelNumber(level: LogLevel): number {
  return logLevels.indexOf(level);
}

/** The level of a stored number. */
export function levelOf(number: number): LogLevel {
  return logLevels[number] ?? 'info';
}
