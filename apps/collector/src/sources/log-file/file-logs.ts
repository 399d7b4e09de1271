import type { LogSource } from '@lapwing/contracts';
import { entryOf } from '../../domain/logs/entry.js';
import { LogFileSource } from './log-file.source.js';
import { LogFolders } from './log-folders.js';

/** The files that the settings name: each line an entry, or several where `entryStart` says so. */
export function fileLogs(
  sources: Extract<LogSource, { kind: 'file' }>[],
  options: { folders: readonly string[]; linesPerSecond: number; clock?: () => number },
): LogFileSource {
  return new LogFileSource({
    name: 'file',
    patterns: sources.map(({ path, encoding = 'utf-8', entryStart }) => ({ pattern: path, encoding, entryStart })),
    folders: new LogFolders(options.folders),
    linesPerSecond: options.linesPerSecond,
    historyBytes: 0,
    about: (name) => ({ source: 'file', name }),
    entryOf: (name, line) => entryOf({ source: 'file', name, ...line }, Date.now()),
    ...(options.clock && { clock: options.clock }),
  });
}
