import { AGENT_STATEMENT } from '@lapwing/contracts';
import { makeKeys, signEnvelope } from '@lapwing/signing';
import { SupervisedAgent, buildAgent, eventually, type AgentBuild } from '@lapwing/testing';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Lapwing } from '../src/lapwing';

const ROUTE = '/api/v1/system/updates/agents';
const NAMES = ['host-a', 'host-b', 'host-c'];

interface Rollouts {
  available: string | null;
  rollout: { version: string; status: string; reason: string | null; counts: Record<string, number> } | null;
  agents: { agentId: string; ring: number; state: string; reason: string | null }[];
}

describe('the fleet follows the server', () => {
  const keys = makeKeys();
  let lapwing: Lapwing;
  let folder: string;
  let builds: Record<'first' | 'second' | 'crashing', AgentBuild>;
  let agents: SupervisedAgent[] = [];

  const file = (name: string): string => path.join(folder, name);
  const build = (version: string, fault?: string): Promise<AgentBuild> =>
    buildAgent({
      file: file(`${version}.mjs`),
      version,
      keys: [keys.publicKey],
      ...(fault !== undefined && { fault }),
    });
  /** Puts a version where the server gives it to hosts, as the release tool does. */
  const publish = async ({ file: built, version, size, sha256 }: AgentBuild): Promise<void> => {
    const statement = signEnvelope(AGENT_STATEMENT, { schema: 1, version, size, sha256 }, [keys.privateKey]);
    await copyFile(built, file('lapwing-agent.mjs'));
    await writeFile(file('lapwing-agent.mjs.json'), JSON.stringify(statement));
  };
  const ask = async <T = object>(method: string, route: string, body?: unknown): Promise<{ status: number; body: T }> =>
    lapwing.ask<T>(method, route, lapwing.credentials, body);
  /** How it stands; the server's own collector, which is no agent in one file, is left out. */
  const rollouts = async (): Promise<Rollouts> => {
    const { body } = await lapwing.get<Rollouts>(ROUTE);
    return { ...body, agents: body.agents.filter(({ agentId }) => NAMES.includes(agentId)) };
  };
  const versions = async (): Promise<Record<string, string>> => {
    const { body } = await ask<{ agents: { id: string; version: string; status: string }[] }>('GET', '/api/v1/agents');
    const ours = body.agents.filter(({ id, status }) => NAMES.includes(id) && status === 'online');
    return Object.fromEntries(ours.map(({ id, version }) => [id, version]));
  };
  const all = (version: string): Record<string, string> => Object.fromEntries(NAMES.map((name) => [name, version]));

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-updates-'));
    builds = {
      first: await build('0.1.0'),
      second: await build('0.2.0'),
      crashing: await build('0.3.0', 'process.exit(1);'),
    };
    await publish(builds.second);
    lapwing = await Lapwing.create();
    await lapwing.start(['--services'], {
      GATEWAY_AGENT_FILE: file('lapwing-agent.mjs'),
      UPDATES_TRUSTED_KEYS: keys.publicKey,
      UPDATES_RING_WATCH_SECONDS: '5',
      UPDATES_AGENTS: 'manual',
    });
    agents = await Promise.all(
      NAMES.map(async (name) => {
        const added = await ask<{ enrollment_token: string }>('POST', '/api/v1/agents', { id: name, name });
        return new SupervisedAgent(builds.first.file, await mkdtemp(path.join(tmpdir(), 'lapwing-agent-')), {
          LAPWING_URL: lapwing.url,
          LAPWING_ENROLLMENT_TOKEN: added.body.enrollment_token,
          COLLECTOR_AGENT_ID: name,
          COLLECTOR_INTERVAL: '1',
          COLLECTOR_TRIAL_SECONDS: '20',
        });
      }),
    );
    for (const agent of agents) agent.start();
    await eventually(async () => expect(await versions()).toEqual(all('0.1.0')), 60_000);
  }, 240_000);
  afterAll(async () => {
    for (const agent of agents) await agent.remove();
    await lapwing.remove();
    await rm(folder, { recursive: true });
  }, 60_000);

  it('rolls its version out, one agent first', async () => {
    expect(await rollouts()).toEqual({ available: '0.2.0', rollout: null, agents: [] });
    expect((await ask('POST', ROUTE)).status).toBe(202);
    await eventually(async () => expect((await rollouts()).rollout?.status).not.toBe('running'), 90_000);
    const { rollout, agents: members } = await rollouts();
    expect(rollout).toMatchObject({ version: '0.2.0', status: 'completed', reason: null, counts: { healthy: 3 } });
    expect(members.map(({ ring }) => ring)).toEqual([0, 3, 3]);
    expect(agents.map(({ ends }) => ends)).toEqual([[75], [75], [75]]);
    await eventually(async () => expect(await versions()).toEqual(all('0.2.0')));
  }, 120_000);

  it('stops with a version that crashes, of which one agent alone has heard, and which is back by itself', async () => {
    await publish(builds.crashing);
    expect((await ask('POST', ROUTE)).status).toBe(202);
    await eventually(async () => expect((await rollouts()).rollout?.status).toBe('stopped'), 60_000);
    await eventually(async () => expect((await rollouts()).rollout?.counts).toMatchObject({ reverted: 1, skipped: 3 }));
    const { rollout, agents: members } = await rollouts();
    const first = members.find(({ ring }) => ring === 0)?.agentId ?? '';
    expect(rollout?.reason).toBe(`${first} did not take version 0.3.0: it ended 2 times before it had proved itself`);
    expect(agents.map(({ ends }) => ends)).toEqual(NAMES.map((name) => (name === first ? [75, 75, 1, 1] : [75])));
    await eventually(async () => expect(await versions()).toEqual(all('0.2.0')));
    await eventually(async () => {
      const { body } = await lapwing.get<{ entries: { action: string; user: string; details: object }[] }>(
        '/api/v1/audit?type=rollout',
      );
      expect(body.entries.map(({ action, user }) => `${action} by ${user}`)).toEqual([
        'stopped by updates',
        'started by admin',
        'started by admin',
      ]);
      expect(body.entries[0]?.details).toMatchObject({ reason: rollout?.reason });
    });
  }, 120_000);

  it('installs what the server has, whatever the agent of before had fetched by itself', async () => {
    const root = path.join(folder, 'root');
    await writeFile(file('install.sh'), await (await fetch(`${lapwing.url}/install-agent.sh`)).text());
    const install = (...args: string[]) =>
      promisify(execFile)('bash', [file('install.sh'), ...args], { env: { ...process.env, DESTDIR: root } });
    const programs = path.join(root, 'var/lib/lapwing-agent/program');
    await mkdir(programs, { recursive: true });
    await install();
    expect(existsSync(programs)).toBe(false);
    const unit = await readFile(path.join(root, 'etc/systemd/system/lapwing-agent.service'), 'utf8');
    // Whatever an agent ends with, it is started again.
    expect(unit).toMatch(/^Restart=always$/m);
    expect(unit).not.toMatch(/SuccessExitStatus|RestartPreventExitStatus/);
    await mkdir(programs);
    await install('--uninstall');
    expect(existsSync(path.dirname(programs))).toBe(false);
  });
});
