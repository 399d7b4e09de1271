import type { LogSource } from '@lapwing/contracts';
import { entryOf } from '../../domain/logs/entry.js';
import type { Host } from '../../store/host.js';
import { LogFileSource } from './log-file.source.js';
import { LogFolders } from './log-folders.js';

/**
 * The files that the settings name: each line an entry, or several where `entryStart` says so. Below a host's root they keep the names that the
 * host gives them. Folders that are links are looked for where the host would find them; a file that is a link to an absolute path is not followed there.
 */
export function fileLogs(
  sources: Extract<LogSource, { kind: 'file' }>[],
  options: { host: Host; folders: readonly string[]; linesPerSecond: number; clock?: () => number },
): LogFileSource {
  const { host } = options;
  const about = (file: string) => ({ source: 'file' as const, name: host.asSeenByHost(file) });
  return new LogFileSource({
    name: 'file',
    patterns: sources.map(({ path, encoding = 'utf-8', entryStart }) => ({
      pattern: below(host, path),
      encoding,
      entryStart,
    })),
    folders: new LogFolders(options.folders.map((folder) => host.path(folder))),
    linesPerSecond: options.linesPerSecond,
    historyBytes: 0,
    about,
    entryOf: (file, line) => entryOf({ ...about(file), ...line }, Date.now()),
    ...(options.clock && { clock: options.clock }),
  });
}

/** Where the files that a pattern means are found from here: the folders before its first wild card as the host has them. */
function below(host: Host, pattern: string): string {
  const parts = pattern.split('/');
  const wild = parts.findIndex((part) => /[*?]/.test(part));
  const fixed = wild < 0 ? parts.length - 1 : wild;
  return [host.path(parts.slice(0, fixed).join('/') || '/'), ...parts.slice(fixed)].join('/').replace('//', '/');
}
