import type { LogSource } from '@lapwing/contracts';
import { entryOf } from '../../domain/logs/entry.js';
import type { Host } from '../../store/host.js';
import { LogFileSource } from './log-file.source.js';
import { LogFolders } from './log-folders.js';

/**
 * The files that the settings name: each line an entry, or several where `entryStart` says so. Below a host's root they keep the names that the
 * host gives them. A link to an absolute path leads out of it there, and is not followed.
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
      pattern: host.below(path),
      encoding,
      entryStart,
    })),
    folders: new LogFolders(options.folders.map((folder) => host.below(folder))),
    linesPerSecond: options.linesPerSecond,
    historyBytes: 0,
    about,
    entryOf: (file, line) => entryOf({ ...about(file), ...line }, Date.now()),
    ...(options.clock && { clock: options.clock }),
  });
}
