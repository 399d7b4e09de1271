import { readFileSync } from 'node:fs';
import { CliError } from './errors.js';

const MAX = 1024;
const INTERRUPT = '\u0003';
const END = '\u0004';
const CLEAR = '\u0015';
const BACKSPACES = new Set(['\u0008', '\u007f']);

/**
 * Asks on the terminal. The question goes to standard error, so that standard output holds results alone.
 * @param hidden whether what is typed stays out of sight.
 * @throws CliError without a terminal, after Ctrl-C, or for more than 1024 characters.
 */
export async function ask(
  question: string,
  { hidden, instead }: { hidden: boolean; instead: string },
): Promise<string> {
  const { stdin } = process;
  if (!stdin.isTTY) throw new CliError('usage', `there is no terminal to ask on: ${instead}`);
  const restore = (): void => {
    stdin.setRawMode(false);
  };
  stdin.setRawMode(true);
  process.once('exit', restore);
  // Only now: who answers at once must not be seen either.
  process.stderr.write(question);
  try {
    return await typed(hidden);
  } finally {
    restore();
    process.removeListener('exit', restore);
    stdin.pause();
    process.stderr.write('\n');
  }
}

/** One line, as it is typed in raw mode. */
function typed(hidden: boolean): Promise<string> {
  const { stdin } = process;
  stdin.setEncoding('utf8');
  stdin.resume();
  let line: string[] = [];
  return new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      stdin.removeListener('data', take);
      stdin.removeListener('end', ended);
      act();
    };
    const stop = (exit: 'interrupted' | 'usage', text: string): void => finish(() => reject(new CliError(exit, text)));
    const ended = (): void => stop('usage', 'the terminal is gone');
    const take = (chunk: string): void => {
      for (const key of chunk) {
        if (key === '\r' || key === '\n') return finish(() => resolve(line.join('')));
        if (key === INTERRUPT) return stop('interrupted', 'stopped');
        if (key === END) return stop('usage', 'nothing was typed');
        if (line.length >= MAX) return stop('usage', `that is longer than ${MAX} characters`);
        if (BACKSPACES.has(key) || key === CLEAR) {
          const gone = key === CLEAR ? line.length : Math.min(1, line.length);
          line = line.slice(0, line.length - gone);
          if (!hidden) process.stderr.write('\b \b'.repeat(gone));
        } else if (!/\p{Cc}/u.test(key)) {
          line.push(key);
          if (!hidden) process.stderr.write(key);
        }
      }
    };
    stdin.on('data', take);
    stdin.once('end', ended);
  });
}

/** The first line of standard input, for scripts. Throws `CliError` when there is none. */
export function firstLineOfInput(): string {
  let text: string;
  try {
    text = readFileSync(0, 'utf8');
  } catch {
    text = '';
  }
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line === '' || line.length > MAX)
    throw new CliError('usage', `standard input holds no password of 1 to ${MAX} characters`);
  return line;
}
