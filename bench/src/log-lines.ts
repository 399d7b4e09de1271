import type { LogEntry, LogLevel } from '@lapwing/contracts';

const words =
  'connection refused timeout upstream request handled user session started closed warning cache miss hit database query slow retry failed success upload download file open read write permission denied listening socket bind accept worker thread pool queue full empty job done scheduled backup restore snapshot disk space usage high low memory pressure killed process signal restart service unit container image pull push network bridge lookup resolved address interface link up down carrier firewall drop packet login logout password invalid token expired renewed certificate issued verified healthy probe check interval config reloaded'.split(
    ' ',
  );
const levels: LogLevel[] = ['info', 'info', 'info', 'info', 'info', 'notice', 'warning', 'error'];
const streams = 40;

/** A small generator of numbers that look random, the same in every run. Source: Marsaglia, Xorshift RNGs (2003). */
function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Lines as servers write them, about 80 characters each: requests, sentences with an id, short notes. */
export function lineMaker(seed: number): (number: number, time: number) => LogEntry {
  const random = xorshift(seed);
  const pick = (): string => words[random() % words.length] ?? '';
  const message = (number: number): string => {
    const kind = random() % 10;
    if (kind < 4)
      return `10.${random() % 256}.${random() % 256}.7 - - "GET /api/v1/${pick()}/${number % 100_000}?page=${random() % 50} HTTP/1.1" 200 ${random() % 90_000} "Mozilla/5.0"`;
    if (kind < 8)
      return `${pick()} ${pick()} ${pick()} ${pick()} ${pick()} ${pick()} id=${random().toString(16)} took=${random() % 5000}ms`;
    return `${pick()} ${pick()}: worker ${random() % 32} ${pick()} ${pick()}`;
  };
  return (number, time) => ({
    time,
    source: 'journal',
    name: `unit-${random() % streams}.service`,
    level: levels[random() % levels.length] ?? 'info',
    message: message(number),
    fields: {},
  });
}
