import { closeSync, fsyncSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** Windows opens no folders: there the names are its file system's own affair. */
const isOpenable = process.platform !== 'win32';

/** The names of a folder's files are on the disk when this resolves: a file that took another's place keeps it over a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  if (!isOpenable) return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** As {@link syncFolder}, for the launcher, which has nothing else to do. */
export function syncFolderNow(folder: string): void {
  if (!isOpenable) return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
