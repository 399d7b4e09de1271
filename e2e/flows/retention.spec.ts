import { eventually } from '@lapwing/testing';
import { existsSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Lapwing } from '../src/lapwing';

describe('what is past its time', () => {
  let lapwing: Lapwing;

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    await lapwing.start();
  }, 180_000);
  afterAll(() => lapwing.remove());

  const clean = async (query = '') => {
    const { status, body } = await lapwing.ask('POST', `/api/system/cleanup${query}`, lapwing.credentials);
    expect([status, body]).toEqual([200, expect.objectContaining({ retention_days: 365 })]);
    return body;
  };

  it('is told by a dry run, deleted by a cleanup, and both stand in the audit trail', async () => {
    const [old, young] = ['old.jpg', 'young.jpg'].map((name) => path.join(lapwing.folder, 'thumbnails', name)) as [
      string,
      string,
    ];
    await mkdir(path.dirname(old));
    for (const file of [old, young]) await writeFile(file, 'x'.repeat(1234));
    const longAgo = new Date(Date.now() - 366 * 86_400_000);
    await utimes(old, longAgo, longAgo);

    expect((await lapwing.ask('POST', '/api/system/cleanup', {})).status).toBe(401);
    const dry = await clean('?dry_run=true');
    expect(dry).toMatchObject({ dry_run: true, thumbnails_deleted: 1, logs_deleted: 0, space_reclaimed: 1234 });
    expect(existsSync(old)).toBe(true);
    const { body: before } = await lapwing.get<Record<string, unknown>>('/api/system/storage');
    expect(before).toMatchObject({ thumbnails: { file_count: 2, size_bytes: 2468 } });
    const done = await clean();
    expect(done).toMatchObject({ dry_run: false, thumbnails_deleted: 1, space_reclaimed: 1234 });
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
    expect(await clean()).toMatchObject({ thumbnails_deleted: 0, space_reclaimed: 0 });

    const { body: storage } = await lapwing.get<Record<string, number>>('/api/system/storage');
    expect(storage).toMatchObject({ thumbnails: { file_count: 1, size_bytes: 1234 }, files_truncated: false });
    expect(storage['disk_used_bytes'] ?? 0).toBe(
      (storage['disk_total_bytes'] ?? 0) - (storage['disk_free_bytes'] ?? 0),
    );
    await eventually(async () => {
      const { body } = await lapwing.get<{ total_cameras: number; uptime_seconds: number }>('/api/system/stats');
      expect(body).toMatchObject({ total_cameras: 1, total_events: expect.any(Number) });
    }, 30_000);
    await eventually(async () => {
      const { body } = await lapwing.get<unknown>('/api/v1/audit?action=data_cleanup');
      expect(JSON.stringify(body).match(/"data_cleanup"/g)).toHaveLength(3);
    });
    await eventually(async () => {
      const { body } = await lapwing.get<{ workers: { name: string; running: boolean }[] }>('/api/system/health/ready');
      expect(body.workers.find(({ name }) => name === 'cleanup_service')).toMatchObject({ running: true });
    });
  }, 120_000);
});
