import { LapwingError } from '@lapwing/contracts';
import { execFile } from 'node:child_process';
import { open, rename, statfs } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** Writes a file so that after a power cut there is either the old one or the new one. */
export async function writeDurably(file: string, text: string): Promise<void> {
  const unfinished = `${file}.${process.pid}.new`;
  const handle = await open(unfinished, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  await syncFolder(path.dirname(file));
}

/** Makes sure that what was renamed or linked in a folder is on the disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes sure that a whole tree is on the disk: by one call of the system where there is such a thing, which Node does not have. */
export async function syncTree(folder: string): Promise<void> {
  try {
    await promisify(execFile)('sync', ['-f', folder], { timeout: 120_000 });
  } catch {
    await syncFolder(folder);
  }
}

/** Refuses to begin what the disk has no room for. `UPDATE_FAILED` with how much is missing. */
export async function wantRoom(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < bytes)
    throw new LapwingError(
      'UPDATE_FAILED',
      `the disk is too full for ${what}: ${mib(bytes)} are needed, ${mib(free)} are free`,
    );
}

/** A fault of the disk in words; undefined for any other fault. */
export function diskProblem(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'the disk is full';
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') return 'the folder cannot be written';
  return code === 'EIO' ? 'the disk is faulty' : undefined;
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
