import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';

const TEMPLATE = readFileSync(path.join(__dirname, '../scripts/setup-proxmox.sh'), 'utf8');
const SECRET = '6a6f6b65-7d2a-4c3b-9a54-0123456789ab';
const NODE = hostname().split('.')[0];
const TOKEN = 'pulse-127-0-0-1-\\d{10}';

const LOG = 'printf \'%s\\n\' "${0##*/} $*" >>"$FAKES/log"\n';
/** What stands for the programs of a Proxmox host: each notes how it was called. */
const FAKES: Record<string, string> = {
  id: 'echo 0',
  hostname: 'echo "2001:db8::7 192.0.2.7 "',
  curl: 'PATH="${PATH#*:}"; exec curl "$@"',
  pveversion: 'echo "pve-manager/$FAKE_PVE/025864202ebb6109 (running kernel: 6.14.8-2-pve)"',
  pveum: `case "$*" in
    'user modify '* | 'role modify '*) [ -n "\${FAKE_USER:-}" ] ;;
    'user token add '*) echo '{"full-tokenid":"'"$4!$5"'","info":{"comment":"a \\"quoted\\" one","privsep":"0"},"value":"${SECRET}"}' ;;
    'user token list '*) cat "$FAKES/tokens" ;;
  esac`,
  'proxmox-backup-manager': `case "$*" in
    'user update '*) [ -n "\${FAKE_USER:-}" ] ;;
    'user generate-token '*) printf 'Result: {\\n  "tokenid": "%s",\\n  "value": "${SECRET}"\\n}\\n' "$3!$4" ;;
    'user list-tokens '*) cat "$FAKES/tokens" ;;
  esac`,
  pmgsh: 'case "$1" in get) [ -n "${FAKE_USER:-}" ] ;; esac',
};

interface Values {
  type: string;
  host?: string;
  backups?: boolean;
}

describe('the script that sets up a Proxmox host', () => {
  let folder: string;
  let server: Server;
  let url: string;
  let bodies: Record<string, string>[];
  let status: number;
  let answer: string;

  beforeEach(async () => {
    bodies = [];
    status = 200;
    answer = JSON.stringify({ status: 'success', message: 'registered', nodeId: 'pve-0' });
    folder = mkdtempSync(path.join(tmpdir(), 'setup-script-'));
    for (const [name, text] of Object.entries(FAKES))
      writeFileSync(path.join(folder, name), `#!/bin/bash\n${LOG}${text}\n`, { mode: 0o755 });
    writeFileSync(path.join(folder, 'tokens'), '[]');
    server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const sent = JSON.parse(Buffer.concat(parts).toString()) as Record<string, string>;
        bodies.push(sent);
        const right =
          request.headers['content-type'] === 'application/json' &&
          `${request.method} ${request.url}` === 'POST /api/auto-register';
        if (!right) status = 404;
        response.writeHead(status, { 'content-type': 'application/json' }).end(answer);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.close();
    await once(server, 'close');
    rmSync(folder, { recursive: true });
  });

  const filled = ({ type, host = 'https://node.example.com:8006', backups = false }: Values) =>
    TEMPLATE.replace("'@TYPE@'", `'${type}'`)
      .replace("'@HOST@'", `'${host}'`)
      .replace("'@PULSE_URL@'", `'${url}'`)
      .replace("'@BACKUP_PERMS@'", `'${backups}'`);

  const run = async (text: string, env: Record<string, string> = {}) => {
    const child = spawn('bash', [], {
      detached: true, // without a terminal
      env: {
        PATH: `${folder}:/usr/bin:/bin`,
        FAKES: folder,
        FAKE_PVE: '8.4.1',
        DESTDIR: folder,
        PULSE_SETUP_CODE: 'A7K9P2',
        ...env,
      },
    });
    let output = '';
    child.stdout.on('data', (part: Buffer) => (output += part.toString()));
    child.stderr.on('data', (part: Buffer) => (output += part.toString()));
    child.stdin.on('error', () => undefined); // one that fails early reads not all of it
    child.stdin.end(text);
    const [code] = (await once(child, 'close')) as [number | null];
    const log = path.join(folder, 'log');
    return { code, output, log: existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : [] };
  };

  it.each([
    ['8.4.1', 'Sys.Audit,VM.Monitor'],
    ['9.0.3', 'Sys.Audit,VM.GuestAgent.Audit,VM.GuestAgent.FileRead'],
  ])('registers Proxmox VE %s with the rights that it has', async (version, privileges) => {
    const { code, output, log } = await run(filled({ type: 'pve' }), { FAKE_PVE: version });
    expect(output).toContain('https://node.example.com:8006 is registered');
    expect(code).toBe(0);
    expect(bodies).toEqual([
      {
        type: 'pve',
        host: 'https://node.example.com:8006',
        serverName: NODE,
        tokenId: expect.stringMatching(new RegExp(`^pulse-monitor@pam!${TOKEN}$`)) as string,
        tokenValue: SECRET,
        setupCode: 'A7K9P2',
      },
    ]);
    expect(log).toContain('pveum user add pulse-monitor@pam --comment Lapwing');
    expect(log).toContain(`pveum role add PulseMonitor --privs ${privileges}`);
    expect(log).toContain('pveum acl modify / --users pulse-monitor@pam --roles PVEAuditor,PulseMonitor');
    expect(log.join('\n')).toMatch(new RegExp(`token add pulse-monitor@pam ${TOKEN} --privsep 0 `));
    expect(log.join('\n')).not.toMatch(new RegExp(`${SECRET}|A7K9P2|DatastoreAdmin|token remove`));
  });

  it('takes a user and a role that are there, and gives the right to see backups where it is asked for', async () => {
    const { code, log } = await run(filled({ type: 'pve', backups: true }), { FAKE_USER: 'yes' });
    expect(code).toBe(0);
    expect(log.join('\n')).not.toMatch(/user add|role add/);
    expect(log).toContain('pveum acl modify /storage --users pulse-monitor@pam --roles PVEDatastoreAdmin');
  });

  it.each(['with', 'without'])('registers a Backup Server %s the JSON of perl', async (how) => {
    if (how === 'without') writeFileSync(path.join(folder, 'perl'), '#!/bin/bash\nexit 2\n', { mode: 0o755 });
    const { code, log } = await run(filled({ type: 'pbs', host: '' }), { PULSE_SETUP_CODE: ' a7k9p2' });
    expect(code).toBe(0);
    expect(bodies).toEqual([
      {
        type: 'pbs',
        host: 'https://[2001:db8::7]:8007',
        serverName: NODE,
        tokenId: expect.stringMatching(new RegExp(`^pulse-monitor@pbs!${TOKEN}$`)) as string,
        tokenValue: SECRET,
        setupCode: 'A7K9P2',
      },
    ]);
    expect(log).toContain('proxmox-backup-manager user create pulse-monitor@pbs --comment Lapwing');
    for (const id of ['pulse-monitor@pbs', bodies[0]?.tokenId])
      expect(log).toContain(`proxmox-backup-manager acl update / Audit --auth-id ${id}`);
    expect(log.join('\n')).not.toContain(SECRET);
  });

  it.each([
    ['create /access/users --userid pulse-monitor@pmg', {}],
    ['set /access/users/pulse-monitor@pmg', { FAKE_USER: 'yes' }],
  ])('registers a Mail Gateway with a password, by %s', async (how, env) => {
    const { code, log } = await run(filled({ type: 'pmg' }), env);
    expect(code).toBe(0);
    expect(bodies).toEqual([
      {
        type: 'pmg',
        host: 'https://node.example.com:8006',
        serverName: NODE,
        username: 'pulse-monitor@pmg',
        password: expect.stringMatching(/^[A-Za-z0-9]{40}$/) as string,
        setupCode: 'A7K9P2',
      },
    ]);
    const password = bodies[0]?.password ?? '';
    const line = log.find((each) => each.startsWith(`pmgsh ${how} --crypt_pass `)) ?? '';
    expect(line).toMatch(/ --role audit --enable 1 --expire 0$/);
    const hash = /\$5\$[A-Za-z0-9./]+\$[A-Za-z0-9./]+/.exec(line)?.[0] ?? '';
    expect(spawnSync('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', password, hash]).stdout.toString()).toBe(hash);
    expect(log.join('\n')).not.toContain(password);
  });

  it.each(['pve', 'pbs'])('leaves no token (%s) behind when the server refuses', async (type) => {
    status = 401;
    answer = JSON.stringify({ success: false, error: 'the code is \u001b[31mwrong', code: 'UNAUTHENTICATED' });
    const { code, output, log } = await run(filled({ type }));
    expect(code).toBe(1);
    expect(output).toContain('the server refused: the code is [31mwrong (status 401)');
    const [user, token] = (bodies[0]?.tokenId ?? '').split('!');
    const removal = type === 'pve' ? 'pveum user token remove' : 'proxmox-backup-manager user delete-token';
    expect(log.at(-1)).toBe(`${removal} ${user} ${token}`);
  });

  it('leaves a Mail Gateway as it was when the server refuses', async () => {
    status = 502;
    answer = '<html>';
    const fresh = await run(filled({ type: 'pmg' }));
    expect(fresh.output).toContain('the server refused: (status 502)');
    expect(fresh.log.at(-1)).toBe('pmgsh delete /access/users/pulse-monitor@pmg');

    mkdirSync(path.join(folder, 'etc/pmg'), { recursive: true });
    writeFileSync(path.join(folder, 'etc/pmg/user.conf'), 'pulse-monitor@pmg:1:0:$5$old$hash:audit:::::\n');
    const known = await run(filled({ type: 'pmg' }), { FAKE_USER: 'yes' });
    expect(known.code).toBe(1);
    expect(known.log.at(-1)).toBe('pmgsh set /access/users/pulse-monitor@pmg --crypt_pass $5$old$hash');
  });

  it('leaves no token behind when the server cannot be reached', async () => {
    const { code, output, log } = await run(filled({ type: 'pve' }).replace(url, 'http://127.0.0.1:1'));
    expect(code).toBe(1);
    expect(output).toContain('http://127.0.0.1:1 cannot be reached');
    expect(log.at(-1)).toMatch(new RegExp(`^pveum user token remove pulse-monitor@pam ${TOKEN}$`));
  });

  it.each([
    ['with', 'pve'],
    ['without', 'pve'],
    ['with', 'pbs'],
    ['without', 'pbs'],
  ])('removes the older tokens of this server and this node, %s the JSON of perl (%s)', async (how, type) => {
    if (how === 'without') writeFileSync(path.join(folder, 'perl'), '#!/bin/bash\nexit 2\n', { mode: 0o755 });
    const start = type === 'pbs' ? 'pulse-monitor@pbs!' : '';
    const tokens = [
      ['pulse-127-0-0-1-1700000000', 'Lapwing, for https://node.example.com:8006'],
      ['pulse-127-0-0-1-1700000001', 'Lapwing, for https://other-node.example.com:8006'],
      ['pulse-127-0-0-1-2-1700000002', 'Lapwing, for https://node.example.com:8006'],
      ['mine', 'Lapwing, for https://node.example.com:8006'],
    ].map(([id, comment]) => ({ tokenid: `${start}${id}`, comment, privsep: 0 }));
    writeFileSync(path.join(folder, 'tokens'), JSON.stringify([...tokens, { tokenid: `${start}bare` }], null, 2));
    const { code, log } = await run(filled({ type }));
    expect(code).toBe(0);
    expect(log.filter((line) => /token remove|delete-token/.test(line))).toEqual([
      type === 'pve'
        ? 'pveum user token remove pulse-monitor@pam pulse-127-0-0-1-1700000000'
        : 'proxmox-backup-manager user delete-token pulse-monitor@pbs pulse-127-0-0-1-1700000000',
    ]);
  });

  it.each(['A7K9P', 'A7K9P22', 'A7K9O2', 'A7K9P1', 'A7K9"2'])('changes nothing with the bad code %s', async (code) => {
    const answered = await run(filled({ type: 'pve' }), { PULSE_SETUP_CODE: code });
    expect(answered).toMatchObject({ code: 1, log: ['id -u'] });
    expect(answered.output).toContain('that is no setup code');
  });

  it('says what is missing: a terminal to ask at, the right kind of host, root', async () => {
    const noTerminal = await run(filled({ type: 'pve' }), { PULSE_SETUP_CODE: '' });
    expect(noTerminal).toMatchObject({ code: 1, log: ['id -u'] });
    expect(noTerminal.output).toContain('set PULSE_SETUP_CODE');
    rmSync(path.join(folder, 'pmgsh'));
    expect((await run(filled({ type: 'pmg' }))).output).toContain('this is no Proxmox Mail Gateway');
    writeFileSync(path.join(folder, 'id'), '#!/bin/bash\necho 1000\n', { mode: 0o755 });
    expect((await run(filled({ type: 'pve' }))).output).toContain('run this as root');
    expect((await run(TEMPLATE)).output).toContain('this script was not served by Lapwing');
    expect(bodies).toEqual([]);
  });

  it('runs nothing of a script of which a part is missing', async () => {
    const text = filled({ type: 'pve' });
    const lines = text.trimEnd().split('\n');
    const parts = [0.1, 0.25, 0.5, 0.75, 0.9].map((part) => text.slice(0, text.length * part));
    for (const part of [...parts, lines.slice(0, -1).join('\n'), lines.slice(0, -3).join('\n')])
      expect((await run(part)).log).toEqual([]);
    expect(bodies).toEqual([]);
  });
});
