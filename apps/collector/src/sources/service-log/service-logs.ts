import path from 'node:path';
import { LogFileSource } from '../log-file/log-file.source.js';
import { LogFolders } from '../log-file/log-folders.js';
import { serviceEntry, type Printed } from './service-line.js';

/** As PM2 names what processes print, with the number of one of several; Lapwing's launcher names its own so, too. */
const PRINTED = /^(.+)-(out|err|error)(?:-\d{1,5})?\.log$/;

/** Of a process whose log is small, people want to see at once how it began. */
const HISTORY_BYTES = 2 ** 20;

/** Where the files are. */
export interface ServiceLogOptions {
  /** PM2's folder: it is passed over where it is not there. */
  pm2Home: string;
  /** Where Lapwing's own services print to; undefined on other hosts. */
  ownFolder: string | undefined;
  linesPerSecond: number;
  clock?: () => number;
}

/** What processes under a process manager print: PM2's, and Lapwing's own services. */
export function serviceLogs({ pm2Home, ownFolder, linesPerSecond, clock }: ServiceLogOptions): LogFileSource {
  const folders = [path.resolve(pm2Home, 'logs'), ...(ownFolder ? [path.resolve(ownFolder)] : [])];
  const printed = (file: string): Printed | undefined => {
    const { dir, base } = path.parse(file);
    const [, process, stream] = PRINTED.exec(base) ?? [];
    if (!process || !stream) return undefined;
    const isOwn = ownFolder !== undefined && dir === path.resolve(ownFolder);
    return { process, stream: stream === 'out' ? 'out' : 'err', isOwn };
  };
  const known = (file: string): Printed =>
    printed(file) ?? { process: path.basename(file), stream: 'out', isOwn: false };
  return new LogFileSource({
    name: 'service',
    patterns: folders.map((folder) => ({ pattern: path.join(folder, '*.log'), encoding: 'utf-8' })),
    folders: new LogFolders(folders),
    linesPerSecond,
    historyBytes: HISTORY_BYTES,
    accepts: (file) => printed(file) !== undefined,
    about: (file) => ({ source: 'service', name: known(file).process }),
    entryOf: (file, line) => serviceEntry(known(file), line, Date.now()),
    ...(clock && { clock }),
  });
}
