import { mkdirSync, rmSync, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { CliError } from './errors.js';
import { readText, refuseOpenFile, writePrivate } from './files.js';

const Kept = z.object({ token: z.string().regex(/^[\x21-\x7e]{1,4096}$/), user: z.string(), expiresAt: z.string() });
const File = z.object({ sessions: z.record(z.string(), Kept) });

/** A session that a login has opened. */
export type Session = z.infer<typeof Kept>;

/** Where logins are kept. */
export function credentialsFile(): string {
  const { XDG_CONFIG_HOME: base } = process.env;
  // The specification says to ignore what is not absolute.
  const config = base && path.isAbsolute(base) ? base : path.join(homedir(), '.config');
  return path.join(config, 'lapwing', 'credentials.json');
}

function readAll(): Record<string, Session> {
  const file = credentialsFile();
  if (!existsSync(file)) return {};
  refuseOpenFile(file);
  try {
    return File.parse(JSON.parse(readText(file))).sessions;
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError('usage', `${file} is damaged: remove it and log in again`);
  }
}

function writeAll(sessions: Record<string, Session>): void {
  const file = credentialsFile();
  if (Object.keys(sessions).length === 0) return rmSync(file, { force: true });
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writePrivate(file, `${JSON.stringify({ sessions }, null, 2)}\n`, true);
}

/** The session at a server. */
export const sessionOf = (url: string): Session | undefined => readAll()[url];

/** Keeps a session, in place of the one before. */
export function keepSession(url: string, session: Session): void {
  writeAll({ ...readAll(), [url]: session });
}

/** Forgets the session at a server. */
export function forgetSession(url: string): void {
  const { [url]: _gone, ...rest } = readAll();
  writeAll(rest);
}
