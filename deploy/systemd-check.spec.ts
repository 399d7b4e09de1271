import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const root = path.resolve(__dirname, '..');
const UNIT = 'deploy/systemd/lapwing.service';
const AGENT = 'apps/gateway/scripts/install-agent.sh';

/** What the check says of a tree. */
function problems(tree: string, env: NodeJS.ProcessEnv = {}): string[] {
  const file = pathToFileURL(path.join(root, 'deploy/checks/systemd.mjs')).href;
  const script = `const { check } = await import(${JSON.stringify(file)}); console.log(JSON.stringify(await check(process.argv[1])));`;
  const args = ['--input-type=module', '-e', script, tree];
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, ...env } }),
  ) as string[];
}

describe('the check of the units of systemd', () => {
  let tree: string;

  beforeEach(() => {
    tree = mkdtempSync(path.join(tmpdir(), 'lapwing-units-'));
    const configs = readdirSync(path.join(root, 'apps')).map((app) => `apps/${app}/src/config.ts`);
    const read = ['deploy/systemd', 'deploy/local', AGENT, 'libs/service/src', ...configs];
    for (const place of read.filter((one) => existsSync(path.join(root, one))))
      cpSync(path.join(root, place), path.join(tree, place), { recursive: true });
  });
  afterEach(() => rmSync(tree, { recursive: true }));

  const change = (file: string, before: string, after: string): void => {
    const text = readFileSync(path.join(tree, file), 'utf8');
    expect(text).toContain(before);
    writeFileSync(path.join(tree, file), text.replace(before, after));
  };

  it('finds nothing wrong with what is shipped', () => {
    expect(problems(tree)).toEqual([]);
  });

  it.each([
    [
      'a directive that is missing',
      UNIT,
      'NoNewPrivileges=true\n',
      '',
      /lapwing\.service: NoNewPrivileges= must be "true", and is missing/,
    ],
    [
      'one that says less',
      UNIT,
      'ProtectSystem=strict',
      'ProtectSystem=full',
      /ProtectSystem= must be "strict", and is "full"/,
    ],
    [
      'one of the agent',
      AGENT,
      'CAP_KILL',
      'CAP_KILL CAP_SYS_ADMIN',
      /lapwing-docker-agent\.service: CapabilityBoundingSet=/,
    ],
    ['a word that systemd does not know', UNIT, 'Type=exec', 'Type=executable', /Failed to parse service type/],
    ['a directive that it does not know', AGENT, 'TasksMax=256', 'TaskMax=256', /Unknown key (name )?'TaskMax'/],
    [
      'a program that is not there',
      UNIT,
      'ExecStart=@NODE@',
      'ExecStart=/nowhere/node',
      /\/nowhere\/node is not executable/,
    ],
    ['too much left open', UNIT, 'CapabilityBoundingSet=\n', '', /leaves more open than 2\.5: .*exposure level/],
    [
      'another folder',
      'deploy/systemd/install.sh',
      "place='/opt/lapwing/server'",
      "place='/opt/other'",
      /install\.sh: does not hold place='\/opt\/lapwing\/server'/,
    ],
    [
      'a setting that there is not',
      'deploy/systemd/lapwing.env',
      '#LOG_LEVEL',
      '#LOG_LEVELS',
      /there is no setting LOG_LEVELS/,
    ],
    [
      'a script that is broken',
      'deploy/systemd/uninstall.sh',
      'main "$@"',
      'main "$@',
      /uninstall\.sh: .*unexpected EOF/,
    ],
  ])('finds %s', (_, file, before, after, message) => {
    change(file, before, after);
    const found = problems(tree);
    expect(found.join('\n')).toMatch(message);
    for (const problem of found) expect(problem).toContain(`${file.startsWith('apps') ? file : 'deploy/systemd/'}`);
  });

  it('says so where there is no systemd, and calls nothing good that was not looked at', () => {
    const bash = mkdtempSync(path.join(tree, 'programs-'));
    if (existsSync('/usr/bin/bash')) cpSync('/usr/bin/bash', path.join(bash, 'bash'));
    const found = problems(tree, { PATH: bash });
    expect(found).toHaveLength(3);
    for (const problem of found)
      expect(problem).toContain('was not checked: there is no systemd-analyze on this machine');
  });
});
