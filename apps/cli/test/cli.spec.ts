import { TerminalSession, eventually, freePort, runCommand } from '@lapwing/testing';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const program = path.resolve(__dirname, '../dist/main.js');
const PASSPHRASE = 'correct horse battery';

interface Asked {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}
type Answers = Record<string, { status?: number; body?: unknown; hang?: true }>;

/** A server that answers as the API does, in ways that the real one cannot be brought to. */
class FakeApi {
  readonly asked: Asked[] = [];
  answers: Answers = {};
  #server: Server | undefined;
  url = '';

  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
        this.asked.push({ method, url, headers, body });
        const {
          status = 200,
          body: answer,
          hang,
        } = this.answers[`${method} ${url.split('?')[0]}`] ?? {
          status: 404,
          body: { error: 'no such resource', code: 'NOT_FOUND' },
        };
        if (hang) return;
        response.writeHead(status, { 'content-type': 'application/json', location: 'http://127.0.0.1:1/' });
        response.end(answer === undefined ? '' : JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}

describe('the command line', () => {
  const api = new FakeApi();
  const home = mkdtempSync(path.join(tmpdir(), 'lapwing-cli-'));
  const file = (name: string) => path.join(home, name);
  const kept = file('config/lapwing/credentials.json');
  const environment = (more: Record<string, string> = {}) => {
    const { LAPWING_TOKEN: _token, ...inherited } = process.env;
    return { ...inherited, LAPWING_URL: api.url, XDG_CONFIG_HOME: file('config'), ...more };
  };
  const cli = (args: string[], more: Record<string, string> = {}, input = '') =>
    runCommand([program, ...args], { env: environment(more), input });
  const terminal = (args: string) => new TerminalSession(`${process.execPath} ${program} ${args}`, environment());
  const session = (name = 'ada') => ({
    body: { token: `token-of-${name}`, user: { username: name }, expires_at: '2099-01-01T00:00:00Z' },
  });

  beforeAll(() => api.start());
  beforeEach(() => {
    api.answers = {};
    api.asked.splice(0);
    rmSync(file('config'), { recursive: true, force: true });
  });
  afterAll(() => {
    api.stop();
    rmSync(home, { recursive: true });
  });

  describe('logging in', () => {
    it('asks for the password without showing it, and keeps the session for its owner alone', async () => {
      api.answers = { 'POST /api/v1/auth/login': session() };
      const shell = terminal('login --user ada');
      await eventually(() => shell.screen.includes('Password of ada:'));
      // A slip, taken back; a whole line, taken back.
      shell.type('nonsense\u0015s3cret wordX\u007f\r');
      expect(await shell.end()).toBe(0);
      expect(shell.screen).not.toContain('s3cret');
      expect(shell.screen).toContain('user     ada');
      expect(api.asked[0]?.body).toEqual({ username: 'ada', password: 's3cret word', totp_code: null });
      expect(statSync(kept).mode & 0o777).toBe(0o600);
      expect(statSync(path.dirname(kept)).mode & 0o777).toBe(0o700);
      expect(readdirSync(path.dirname(kept))).toEqual(['credentials.json']);

      api.answers = { 'GET /api/security/tokens': { body: { tokens: [] } } };
      expect((await cli(['tokens', 'list'])).code).toBe(0);
      expect(api.asked.at(-1)?.headers.authorization).toBe('Bearer token-of-ada');
      expect((await cli(['tokens', 'list'], { LAPWING_TOKEN: 'other' })).code).toBe(0);
      expect(api.asked.at(-1)?.headers.authorization).toBe('Bearer other');
      const token = file('token');
      writeFileSync(token, 'third\n');
      expect((await cli(['tokens', 'list', '--token-file', token], { LAPWING_TOKEN: 'other' })).code).toBe(0);
      expect(api.asked.at(-1)?.headers.authorization).toBe('Bearer third');
      const elsewhere = `http://localhost:${new URL(api.url).port}`;
      await cli(['tokens', 'list', '--url', elsewhere]);
      expect(api.asked.at(-1)?.headers.authorization).toBeUndefined();
    });

    it('asks for a code of the second factor when the server wants one', async () => {
      api.answers = {
        'POST /api/v1/auth/login': { status: 401, body: { error: 'a code is required', code: 'TOTP_REQUIRED' } },
      };
      const shell = terminal('login --user ada --json');
      await eventually(() => shell.screen.includes('Password'));
      shell.type('word\r');
      await eventually(() => shell.screen.includes('second factor:'));
      api.answers = { 'POST /api/v1/auth/login': session() };
      shell.type('123456\r');
      expect(await shell.end()).toBe(0);
      expect(api.asked.map(({ body }) => body['totp_code'])).toEqual([null, '123456']);
    });

    it('leaves the terminal as it was after Ctrl-C', async () => {
      const shell = new TerminalSession(
        `${process.execPath} ${program} login --user ada; echo "ended with $?"; stty -a`,
        environment(),
      );
      await eventually(() => shell.screen.includes('Password'));
      shell.type('half a pass\u0003');
      await shell.end();
      expect(shell.screen).toContain('ended with 130');
      expect(shell.screen).toMatch(/ echo /);
      expect(shell.screen).toMatch(/ icanon /);
      expect(shell.screen).not.toContain('half');
      expect(api.asked).toEqual([]);
      expect(existsSync(kept)).toBe(false);
    });

    it('takes the password from standard input for scripts, and never without a terminal or that', async () => {
      api.answers = { 'POST /api/v1/auth/login': session() };
      const { code, out, err } = await cli(['login', '--user', 'ada', '--password-stdin', '--json'], {}, 'word\n');
      expect([code, err, Object.keys(JSON.parse(out) as object)]).toEqual([
        0,
        '',
        ['url', 'user', 'expiresAt', 'file'],
      ]);
      expect(out).not.toContain('token-of-ada');
      const silent = await cli(['login', '--user', 'ada']);
      expect([silent.code, silent.err]).toEqual([2, 'lapwing: there is no terminal to ask on: use --password-stdin\n']);
      expect((await cli(['login', '--user', 'ada', '--password-stdin'])).code).toBe(2);
    });

    it('sends no password over plain http to another machine, and warns about tokens', async () => {
      const far = ['--url', 'http://192.0.2.1:8080'];
      const password = await cli([...far, 'login', '--user', 'ada', '--password-stdin'], {}, 'word\n');
      expect([password.code, password.err]).toEqual([2, expect.stringContaining('plain http')]);
      const nobody = await cli(['--url', 'http://lapwing.invalid', 'whoami'], { LAPWING_TOKEN: 'x' });
      expect([nobody.code, nobody.err]).toEqual([
        3,
        expect.stringMatching(/warning: the token goes over plain http[^]*nobody answers/),
      ]);
      const local = await cli(['whoami'], { LAPWING_TOKEN: 'x' });
      expect(local.err).not.toContain('warning');
    });

    it('says that a session has ended, and forgets it at logout all the same', async () => {
      api.answers = { 'POST /api/v1/auth/login': session() };
      await cli(['login', '--user', 'ada', '--password-stdin'], {}, 'word\n');
      const gone = { status: 401, body: { error: 'log in', code: 'UNAUTHENTICATED' } };
      api.answers = { 'GET /api/v1/auth/me': gone, 'POST /api/v1/auth/logout': gone };
      const who = await cli(['whoami']);
      expect([who.code, who.err]).toEqual([1, expect.stringContaining('log in again with "lapwing login"')]);
      expect((await cli(['logout'])).code).toBe(0);
      expect(existsSync(kept)).toBe(false);
      expect(await cli(['logout'])).toMatchObject({
        code: 2,
        err: expect.stringContaining('nobody is logged in') as string,
      });
    });

    it('refuses credentials that others may read, and those that are damaged', async () => {
      api.answers = { 'POST /api/v1/auth/login': session() };
      await cli(['login', '--user', 'ada', '--password-stdin'], {}, 'word\n');
      writeFileSync(kept, '{"sessions":');
      expect(await cli(['whoami'])).toMatchObject({ code: 2, err: expect.stringContaining('is damaged') as string });
      rmSync(kept);
      writeFileSync(kept, '{"sessions":{}}', { mode: 0o644 });
      expect(await cli(['whoami'])).toMatchObject({ code: 2, err: expect.stringContaining('mode 600') as string });
    });
  });

  describe('status', () => {
    const answers = (status: string, ready: boolean): Answers => ({
      'GET /api/system/health': {
        status: status === 'healthy' ? 200 : 503,
        body: { status, services: { database: { status, message: 'so \u001b[31mit\u0007 is' } } },
      },
      'GET /api/system/health/ready': { status: ready ? 200 : 503, body: { ready, status: 'x', workers: [] } },
      'GET /api/version': { body: { version: 'v1.2.3' } },
      'GET /api/v1/alerts': { body: { alerts: [{ level: 'critical' }, { level: 'warning' }, { level: 'critical' }] } },
    });

    it.each([
      ['healthy', true, 0],
      ['degraded', true, 4],
      ['unhealthy', true, 5],
      ['degraded', false, 5],
    ])('of a system that is %s (ready: %s) ends with %i', async (status, ready, code) => {
      api.answers = answers(status, ready);
      const shown = await cli(['status']);
      expect([shown.code, shown.err]).toEqual([code, '']);
      expect(shown.out).toMatch(/version +v1\.2\.3/);
      expect(shown.out).toMatch(/alerts +2 critical, 1 warning/);
      expect(shown.out).toContain('so ?[31mit? is');
      const json = await cli(['status', '--json']);
      expect([json.code, JSON.parse(json.out)]).toEqual([
        code,
        expect.objectContaining({ status, ready, alerts: { critical: 2, warning: 1 } }),
      ]);
    });

    it('shows itself to whoever may not see alerts', async () => {
      const denied = { status: 401, body: { error: 'log in', code: 'UNAUTHENTICATED' } };
      api.answers = { ...answers('healthy', true), 'GET /api/v1/alerts': denied };
      expect(await cli(['status'])).toMatchObject({
        code: 0,
        out: expect.stringContaining('not shown: log in') as string,
      });
    });
  });

  describe('backup and restore', () => {
    const EXPORT = 'POST /api/config/export';
    const IMPORT = 'POST /api/config/import';
    const passphraseFile = file('passphrase');
    beforeAll(() => writeFileSync(passphraseFile, `${PASSPHRASE}\n`, { mode: 0o600 }));

    it('keep what the server gives, for its owner alone and over nothing', async () => {
      api.answers = { [EXPORT]: { body: { status: 'success', data: 'c2VhbGVk' } } };
      const out = file('backup');
      const saved = await cli(['backup', '--out', out, '--passphrase-file', passphraseFile, '--json']);
      expect([saved.code, saved.err]).toEqual([0, '']);
      expect(api.asked[0]?.body).toEqual({ passphrase: PASSPHRASE });
      expect([readFileSync(out, 'utf8'), statSync(out).mode & 0o777]).toEqual(['c2VhbGVk\n', 0o600]);
      const again = await cli(['backup', '--out', out, '--passphrase-file', passphraseFile]);
      expect([again.code, again.err, api.asked.length]).toEqual([2, expect.stringContaining('--force'), 1]);
      api.answers = { [EXPORT]: { body: { status: 'success', data: 'bmV3' } } };
      expect((await cli(['backup', '--out', out, '--passphrase-file', passphraseFile, '--force'])).code).toBe(0);
      expect(readFileSync(out, 'utf8')).toBe('bmV3\n');

      api.answers = { [IMPORT]: { body: { status: 'success', message: 'replaced' } } };
      const asked = await cli(['restore', out, '--passphrase-file', passphraseFile]);
      expect([asked.code, asked.err]).toEqual([2, expect.stringContaining('say --yes')]);
      const restored = await cli(['restore', out, '--passphrase-file', passphraseFile, '--yes', '--json']);
      expect([restored.code, JSON.parse(restored.out)]).toEqual([0, expect.objectContaining({ message: 'replaced' })]);
      expect(restored.err).toContain(`This replaces the configuration of ${api.url}`);
      expect(api.asked.at(-1)?.body).toEqual({ passphrase: PASSPHRASE, data: 'bmV3' });
    });

    it('ask for the pass phrase twice, and for consent', async () => {
      api.answers = {
        [EXPORT]: { body: { status: 'success', data: 'c2VhbGVk' } },
        [IMPORT]: { body: { status: 'success', message: 'replaced' } },
      };
      const out = file('typed');
      const differing = terminal(`backup --out ${out}`);
      await eventually(() => differing.screen.includes('Pass phrase:'));
      differing.type(`${PASSPHRASE}\r`);
      await eventually(() => differing.screen.includes('again:'));
      differing.type('something else\r');
      expect(await differing.end()).toBe(2);
      expect([existsSync(out), api.asked.length]).toEqual([false, 0]);

      writeFileSync(out, 'c2VhbGVk\n');
      const no = terminal(`restore ${out}`);
      await eventually(() => no.screen.includes('Type "yes"'));
      no.type('no\r');
      expect([await no.end(), api.asked.length]).toEqual([2, 0]);
      const yes = terminal(`restore ${out}`);
      await eventually(() => yes.screen.includes('Type "yes"'));
      yes.type('yes\r');
      await eventually(() => yes.screen.includes('Pass phrase:'));
      yes.type(`${PASSPHRASE}\r`);
      expect(await yes.end()).toBe(0);
      expect(yes.screen).not.toContain(PASSPHRASE);
      expect(api.asked[0]?.body).toEqual({ passphrase: PASSPHRASE, data: 'c2VhbGVk' });
    });

    it('leave no file when the server refuses, and say why', async () => {
      api.answers = { [EXPORT]: { status: 403, body: { error: 'not allowed', code: 'FORBIDDEN' } } };
      const out = file('refused');
      const { code, err } = await cli(['backup', '--out', out, '--passphrase-file', passphraseFile]);
      expect([code, err, existsSync(out)]).toEqual([1, 'lapwing: not allowed (FORBIDDEN)\n', false]);
      const far = await cli(['backup', '--out', file('no/such/folder'), '--passphrase-file', passphraseFile]);
      expect(far.code).toBe(1);
      api.answers = {
        [IMPORT]: { status: 400, body: { error: 'the pass phrase is wrong', code: 'EXPORT_UNREADABLE' } },
      };
      writeFileSync(out, 'x');
      const wrong = await cli(['restore', out, '--yes', '--passphrase-file', passphraseFile]);
      expect([wrong.code, wrong.err]).toEqual([
        1,
        expect.stringContaining('the pass phrase is wrong (EXPORT_UNREADABLE)'),
      ]);
      expect((await cli(['restore', file('none'), '--yes', '--passphrase-file', passphraseFile])).code).toBe(2);
    });
  });

  it('checks a long audit trail in steps, and ends with 6 where it is broken', async () => {
    const verdict = { valid: true, entries: 5000, firstBrokenId: null, fault: null };
    api.answers = { 'GET /api/v1/audit/verify': { body: { ...verdict, next: 5000 } } };
    // The same "next" over and over leads nowhere, and ends.
    expect((await cli(['audit', 'verify'])).code).toBe(0);
    expect(api.asked.map(({ url }) => url)).toEqual([
      '/api/v1/audit/verify?after=0',
      '/api/v1/audit/verify?after=5000',
    ]);
    const broken = { valid: false, entries: 41, firstBrokenId: 42, fault: 'entry 42 was changed', next: null };
    api.answers = { 'GET /api/v1/audit/verify': { body: broken } };
    const found = await cli(['audit', 'verify']);
    expect([found.code, found.out]).toEqual([6, expect.stringMatching(/BROKEN[^]*first broken entry +42/)]);
  });

  it('goes nowhere else with its token, and takes nothing for Lapwing that is not', async () => {
    api.answers = { 'GET /api/v1/auth/me': { status: 302, body: {} } };
    const sent = await cli(['whoami'], { LAPWING_TOKEN: 'x' });
    expect([sent.code, sent.err]).toEqual([3, expect.stringContaining('is no Lapwing')]);
    api.answers = { 'GET /api/v1/auth/me': { body: ['surprise'] } };
    expect((await cli(['whoami'], { LAPWING_TOKEN: 'x' })).code).toBe(3);
    const away = await cli(['whoami', '--url', `http://127.0.0.1:${await freePort()}`]);
    expect([away.code, away.err]).toEqual([3, expect.stringContaining('ECONNREFUSED')]);
    for (const url of ['ftp://a', 'http://user:word@host', 'nonsense', 'http://a/?token=x'])
      expect((await cli(['whoami', '--url', url])).code).toBe(2);
  });

  it('ends quietly when nobody reads on', async () => {
    const alert = {
      type: 'cpu',
      level: 'warning',
      value: 1,
      threshold: 1,
      message: 'm'.repeat(2000),
      resource_name: 'r',
      created_at: '2026-01-01T00:00:00Z',
      resolved_at: null,
      acknowledged: false,
      acknowledged_by: null,
    };
    const alerts = Array.from({ length: 900 }, (_, id) => ({ ...alert, id: String(id) }));
    api.answers = { 'GET /api/v1/alerts': { body: { alerts } } };
    const line = `${process.execPath} ${program} alerts list --limit 1000 | head -1; echo "\${PIPESTATUS[0]}"`;
    const shell = spawn('bash', ['-c', line], { env: environment() });
    let [out, err] = ['', ''];
    shell.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    shell.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    await new Promise((resolve) => shell.on('close', resolve));
    expect([out.trim().split('\n').at(-1), err]).toEqual(['0', '']);
  });

  it('tells what it ends with in its help', async () => {
    const { code, out } = await cli(['--help']);
    expect([code, out]).toEqual([0, expect.stringContaining('4 when the system is degraded')]);
    for (const name of ['login', 'status', 'hosts', 'alerts', 'tokens', 'audit', 'license', 'backup', 'restore'])
      expect(out).toContain(`  ${name} `);
    expect((await cli(['nonsense'])).code).toBe(2);
  });
});
