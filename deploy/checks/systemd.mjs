// Whether systemd takes the units of the server and of the agents, how much they leave open, and whether what belongs together says the same.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { services, settingsOf } from './settings.mjs';

const SERVER = 'deploy/systemd/lapwing.service';
const AGENT = 'apps/gateway/scripts/install-agent.sh';
const TEMPLATE = 'deploy/systemd/lapwing.env';

/** In every unit, with these values. The first of several counts. */
const common = {
  ProtectSystem: 'strict',
  ProtectHome: 'read-only',
  PrivateTmp: 'true',
  NoNewPrivileges: 'true',
  RestrictSUIDSGID: 'true',
  RestrictNamespaces: 'true',
  RestrictRealtime: 'true',
  LockPersonality: 'true',
  ProtectKernelTunables: 'true',
  ProtectKernelModules: 'true',
  ProtectKernelLogs: 'true',
  ProtectControlGroups: 'true',
  ProtectClock: 'true',
  DevicePolicy: 'closed',
  RestrictAddressFamilies: 'AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  SystemCallArchitectures: 'native',
  SystemCallFilter: '@system-service',
  SystemCallErrorNumber: 'EPERM',
  UMask: '0077',
  StateDirectoryMode: '0700',
};

/**
 * @typedef {object} Unit
 * @property {string} name
 * @property {string} file where it stands, relative to the root
 * @property {string} text
 * @property {number} exposure what `systemd-analyze security` may count at most, in tenths
 * @property {Record<string, string>} values
 */

/** @param {string} root @returns {Promise<string[]>} */
export async function check(root) {
  const units = [server(root), agent(root, 'host'), agent(root, 'docker')];
  return [...units.flatMap(lacks), ...units.flatMap(analyzed), ...together(root), ...scripts(root)];
}

/** @param {string} root @returns {Unit} */
function server(root) {
  return {
    name: 'lapwing.service',
    file: SERVER,
    text: read(root, SERVER).replaceAll('@NODE@', process.execPath),
    exposure: 25,
    values: {
      ...common,
      User: 'lapwing',
      CapabilityBoundingSet: '',
      AmbientCapabilities: '',
      ProtectHostname: 'true',
      KillMode: 'mixed',
      Restart: 'always',
      StateDirectory: 'lapwing',
    },
  };
}

/** @param {string} root @param {'host' | 'docker'} mode @returns {Unit} */
function agent(root, mode) {
  const [, body = ''] = /<<UNIT\n([\s\S]*?)\nUNIT\n/.exec(read(root, AGENT)) ?? [];
  const name = mode === 'host' ? 'lapwing-agent' : 'lapwing-docker-agent';
  /** @type {Record<string, string>} */
  const variables = {
    name,
    node: process.execPath,
    docker_only: mode === 'host' ? '' : ' --docker-only',
    restart: mode === 'host' ? 'always' : 'on-failure',
  };
  return {
    name: `${name}.service`,
    file: AGENT,
    text: `${body.replaceAll(/\$(\w+)/g, (all, variable) => variables[variable] ?? all)}\n`,
    exposure: 33,
    values: {
      ...common,
      CapabilityBoundingSet: 'CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_KILL',
      StateDirectory: name,
      Restart: variables.restart ?? '',
    },
  };
}

/** Directives that are missing or say something else. @param {Unit} unit */
function lacks({ name, file, text, values }) {
  const found = settings(text);
  return Object.entries(values).flatMap(([directive, value]) => {
    const is = found.get(directive);
    if (is === value) return [];
    return [
      `${file}: ${name}: ${directive}= must be "${value}", and ${is === undefined ? 'is missing' : `is "${is}"`}`,
    ];
  });
}

/** What systemd itself says of a unit. @param {Unit} unit */
function analyzed(unit) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lapwing-units-'));
  try {
    const file = path.join(folder, unit.name);
    fs.writeFileSync(file, unit.text);
    const about = (/** @type {string} */ text) =>
      `${unit.file}: ${unit.name}: ${text.replaceAll(`${folder}/`, '').trim()}`;
    const verify = analyze('verify', '--man=no', '--recursive-errors=no', file);
    if (verify.missing)
      return [
        about(
          'was not checked: there is no systemd-analyze on this machine (Debian and Ubuntu: apt-get install systemd)',
        ),
      ];
    // It verifies what a unit wants, too, and says of those what is none of our business.
    const faults = verify.text.split('\n').filter((line) => line.includes(unit.name));
    if (verify.status !== 0 && faults.length === 0) faults.push(`systemd-analyze verify: ${verify.text}`);
    const security = analyze('security', '--offline=true', '--no-pager', `--threshold=${unit.exposure}`, file);
    const [level = security.text] = /Overall exposure level.*/.exec(security.text) ?? [];
    if (security.status !== 0) faults.push(`leaves more open than ${unit.exposure / 10}: ${level}`);
    return faults.map(about);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** @param {string[]} args */
function analyze(...args) {
  const { status, stdout, stderr, error } = spawnSync('systemd-analyze', args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', SYSTEMD_COLORS: '0' },
  });
  const missing = error !== undefined && 'code' in error && error.code === 'ENOENT';
  return { status, missing, text: `${stdout ?? ''}${stderr ?? ''}` };
}

/** What unit, installer, uninstaller and template must agree about. @param {string} root */
function together(root) {
  const unit = settings(read(root, SERVER));
  const place = unit.get('ReadWritePaths') ?? '';
  const file = (unit.get('EnvironmentFile') ?? '').replace(/^-/, '');
  /** @type {[file: string, text: string][]} */
  const wanted = [
    ['deploy/systemd/install.sh', `place='${place}'`],
    ['deploy/systemd/install.sh', `"$root${file}"`],
    ['deploy/systemd/uninstall.sh', `"$root${place}"`],
    ['deploy/systemd/uninstall.sh', `"$root${file}"`],
    ['deploy/systemd/uninstall.sh', `"$root/var/lib/${unit.get('StateDirectory')}"`],
    ['deploy/systemd/lapwing.sysusers.conf', `u ${unit.get('User')} `],
    [SERVER, `${place}/guard/guard.mjs`],
    [SERVER, `UPDATES_ENVIRONMENT_FILE=${file}`],
  ];
  const apart = wanted.filter(([name, text]) => !read(root, name).includes(text));
  const known = new Set([
    ...ofLauncher(root),
    ...Object.keys(services).flatMap((service) => settingsOf(root, service)),
  ]);
  const named = [...read(root, TEMPLATE).matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name = '']) => name);
  return [
    ...apart.map(([name, text]) => `${name}: does not hold ${text}, as ${SERVER} has it`),
    ...named.filter((name) => !known.has(name)).map((name) => `${TEMPLATE}: there is no setting ${name}`),
  ];
}

/** What `npm start` reads. @param {string} root */
function ofLauncher(root) {
  return [...read(root, 'deploy/local/options.mjs').matchAll(/^ {2}([A-Z][A-Z0-9_]+): \{/gm)].map(
    ([, name = '']) => name,
  );
}

/** @param {string} root */
function scripts(root) {
  return ['deploy/systemd/install.sh', 'deploy/systemd/uninstall.sh', AGENT].flatMap((name) => {
    const { status, stderr } = spawnSync('bash', ['-n', path.join(root, name)], { encoding: 'utf8' });
    return status === 0 ? [] : [`${name}: ${stderr || 'bash is missing'}`.trim()];
  });
}

/** The first value of each directive. @param {string} text */
function settings(text) {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const [, name = '', value = ''] of text.matchAll(/^([A-Za-z]+)=(.*)$/gm))
    if (!found.has(name)) found.set(name, value);
  return found;
}

/** @param {string} root @param {string} file */
const read = (root, file) => fs.readFileSync(path.join(root, file), 'utf8');
