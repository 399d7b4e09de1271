import { eventually } from '@lapwing/testing';
import type { LogEntry } from '@lapwing/contracts';
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LogFileSource } from '../src/sources/log-file/log-file.source';
import { serviceLogs } from '../src/sources/service-log/service-logs';

describe('what processes print', () => {
  let home: string;
  let source: LogFileSource;
  let now: number;

  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'lapwing-service-logs-'));
    now = 0;
    source = serviceLogs({
      pm2Home: path.join(home, 'pm2'),
      ownFolder: path.join(home, 'own'),
      linesPerSecond: 1000,
      clock: () => now,
    });
  });
  afterEach(async () => {
    await source.stop();
    await rm(home, { recursive: true });
  });

  const print = async (file: string, line: string): Promise<void> => {
    await mkdir(path.dirname(path.join(home, file)), { recursive: true });
    await appendFile(path.join(home, file), `${line}\n`);
  };
  const read = async (): Promise<LogEntry[]> => {
    const entries: LogEntry[] = [];
    now += 5000;
    entries.push(...((await source.read(1000))?.entries ?? []));
    await source.scanned();
    for (let piece = await source.read(1000); piece; piece = await source.read(1000)) entries.push(...piece.entries);
    return entries;
  };

  it('is read from the files of PM2, when they come, by process and stream', async () => {
    await print('pm2/logs/shop-out__2026-11-21_00-00-00.log', 'history');
    const written = Date.now();
    await eventually(() => Date.now() > written + 100);
    await source.start({});
    await print('pm2/logs/shop-out.log', 'listening');
    await print('pm2/logs/shop-error-3.log', 'Error: no database');
    await print('pm2/logs/notes.txt', 'not a log');
    const entries = await read();
    expect(
      entries.map(({ source: kind, name, level, message, fields }) => [kind, name, level, message, fields]),
    ).toEqual(
      expect.arrayContaining([
        ['service', 'shop', 'info', 'listening', { stream: 'out' }],
        ['service', 'shop', 'error', 'Error: no database', { stream: 'err' }],
      ]),
    );
    expect(entries).toHaveLength(2);
  });

  it("knows in the lines of Lapwing's own services which of them it was", async () => {
    await source.start({});
    const time = '2026-11-21T10:00:00.123Z';
    const error = { type: 'Error', message: 'no way' };
    const line = { level: 'warn', time, service: 'fleet', component: 'presence', count: 3, error, msg: 'it is late' };
    await print('own/standalone-out.log', JSON.stringify(line));
    await print('own/standalone-err.log', '(node:1) Warning: something');
    await print('pm2/logs/shop-out.log', JSON.stringify({ ...line, level: 50, time: 1_763_719_200_000 }));
    const entries = await read();
    expect(entries).toEqual(
      expect.arrayContaining([
        {
          time: Date.parse(time),
          source: 'service',
          name: 'fleet',
          level: 'warning',
          message: 'it is late',
          fields: {
            stream: 'out',
            component: 'presence',
            count: '3',
            'error.type': 'Error',
            'error.message': 'no way',
          },
        },
        expect.objectContaining({ name: 'standalone', level: 'warning', fields: { stream: 'err' } }),
        expect.objectContaining({ name: 'shop', level: 'error', time: 1_763_719_200_000, message: 'it is late' }),
      ]),
    );
  });
});
