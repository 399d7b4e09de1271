import type { LogSource, LogSourceKind } from '@lapwing/contracts';
import { DockerLogReader } from './docker-log/docker-log.reader.js';
import { JournalReader } from './journal/journal.reader.js';
import { fileLogs } from './log-file/file-logs.js';
import type { Host } from '../store/host.js';
import type { LogReader } from './log-reader.js';
import { serviceLogs } from './service-log/service-logs.js';

/** What this host lets be read, and how much of it. */
export interface LogReaderOptions {
  /** Where its files are. The paths below are as the host sees them, but for `serviceFolder`. */
  host: Host;
  /** Files are read below these folders only. */
  folders: readonly string[];
  /** Lines of one source a second. */
  linesPerSecond: number;
  /** Socket of the Docker engine. */
  dockerSocket: string;
  /** See `ServiceLogOptions`. */
  pm2Home: string;
  serviceFolder: string | undefined;
}

/** The kinds of logs: each makes one reader for all that the settings name of its kind. A reader's positions have keys that begin with its kind. */
export type LogReaders = Partial<Record<LogSourceKind, (sources: LogSource[]) => LogReader>>;

/** The readers that there are. */
export function logReaders({
  host,
  dockerSocket,
  folders,
  linesPerSecond,
  pm2Home,
  serviceFolder,
}: LogReaderOptions): LogReaders {
  return {
    journal: () =>
      new JournalReader({ perSecond: linesPerSecond, ownPid: process.pid, command: host.command('journalctl') }),
    docker: () => new DockerLogReader({ socket: host.path(dockerSocket), perSecond: linesPerSecond }),
    file: (sources) =>
      fileLogs(
        sources.flatMap((one) => (one.kind === 'file' ? [one] : [])),
        { host, folders, linesPerSecond },
      ),
    service: () => serviceLogs({ pm2Home: host.path(pm2Home), ownFolder: serviceFolder, linesPerSecond }),
  };
}
