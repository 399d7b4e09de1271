import { eventually } from '@lapwing/testing';
import { Harness } from './harness';

describe('a server with API tokens and no users', () => {
  it('shows the state to everybody, and lets nobody change what is polled', async () => {
    const gateway = await Harness.start();
    try {
      gateway.behind.security.users = false;
      await eventually(async () => expect((await gateway.get('/api/state', {})).status).toBe(200), 10_000);
      for (const path of [
        '/api/charts',
        '/api/storage',
        '/api/backups',
        '/api/snapshots',
        '/api/discover',
        '/api/config/nodes',
      ])
        expect({ path, status: (await gateway.get(path, {})).status }).toEqual({ path, status: 200 });
      expect((await gateway.get('/api/system/mock-mode', {})).status).toBe(401);
      expect((await gateway.post('/api/config/nodes', { type: 'pve', host: 'x' }, {})).status).toBe(401);
    } finally {
      await gateway.stop();
    }
  });
});
