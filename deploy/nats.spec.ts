import { busServices, makeBusKeys } from '@lapwing/bus';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

describe('the configuration of NATS', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lapwing-conf-'));
  const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8');
  beforeAll(() => makeBusKeys(folder));

  it('is taken by the server, with the keys that are made for it', () => {
    copyFileSync(path.join(__dirname, 'nats/nats.conf'), path.join(folder, 'nats.conf'));
    const env = {
      NATS_NAME: 'n1',
      NATS_LISTEN: '127.0.0.1:4222',
      NATS_STORE: path.join(folder, 'store'),
      NATS_ACCOUNTS: path.join(folder, 'accounts'),
    };
    const server = process.env['LAPWING_NATS_SERVER'] ?? '';
    // It ends with an error, which is thrown, when something is wrong.
    const printed = execFileSync(server, ['-t', '-c', path.join(folder, 'nats.conf')], {
      env,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    expect(printed).not.toContain('error');
  });

  it('holds no secrets where servers read it, and nobody else may read the others', () => {
    expect(read('auth.conf')).not.toMatch(/S[OAU][A-Z2-7]{56}/);
    for (const file of ['authority.json', 'root/operator.seed', 'credentials/fleet.creds'])
      expect([file, statSync(path.join(folder, file)).mode & 0o077]).toEqual([file, 0]);
  });

  it('keeps its keys when it is made again', async () => {
    const before = [read('auth.conf'), read('authority.json'), read('credentials/auth.seed')];
    await makeBusKeys(folder);
    expect([read('auth.conf'), read('authority.json'), read('credentials/auth.seed')]).toEqual(before);
    expect(
      readdirSync(path.join(folder, 'credentials'))
        .filter((name) => name.endsWith('.creds'))
        .toSorted(),
    ).toEqual(
      ['alerting', 'auth', 'fleet', 'gateway', 'log-store', 'metrics-store', 'poller', 'settings', 'updates'].map(
        (service) => `${service}.creds`,
      ),
    );
  });

  it.each(busServices)("has credentials for %s that fit into NATS' control line of 4 kB", (service) => {
    const [, jwt = ''] = readFileSync(path.join(folder, 'credentials', `${service}.creds`), 'utf8').split('\n');
    // Beside the JWT stand the signature (86 characters), the name, and what the client can do: about 350 together.
    expect(jwt.length).toBeGreaterThan(500);
    expect(jwt.length).toBeLessThan(3650);
  });
});
