import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { CliError } from './errors.js';

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code);

/** The text of a file that was named. Throws `CliError` when it cannot be read. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError('usage', `${file} cannot be read (${codeOf(error)})`);
  }
}

/** Throws `CliError` for a file with secrets that others may read. */
export function refuseOpenFile(file: string): void {
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0)
    throw new CliError('usage', `${file} may be read by others; make it mode 600`);
}

/**
 * Writes a file for its owner alone, all of it or nothing.
 * @param replace whether a file that is there may be replaced.
 * @throws CliError when it may not, or cannot be written.
 */
export function writePrivate(file: string, text: string, replace: boolean): void {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(6).toString('hex')}`);
  try {
    const handle = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    // A link fails where the name is taken, even when it was taken a moment ago.
    if (replace) renameSync(temporary, file);
    else linkSync(temporary, file);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw takenError(file);
    throw new CliError('usage', `${file} cannot be written (${codeOf(error)})`);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Throws `CliError` for a file that is there. */
export function refuseExisting(file: string): void {
  if (existsSync(file)) throw takenError(file);
}

const takenError = (file: string): CliError =>
  new CliError('usage', `${file} is there already: name another, or replace it with --force`);
