import { eventually, freePort } from '@lapwing/testing';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Something that dashboards or rules ask, and where it stands. */
export interface Asked {
  where: string;
  expr: string;
  /** The metrics that it names. */
  metrics: string[];
}

/** What Prometheus found: a series, and its value. */
export interface Found {
  metric: Record<string, string>;
  value: [number, string];
}

/** An exemplar of a series. */
export interface Exemplar {
  seriesLabels: Record<string, string>;
  exemplars: { labels: Record<string, string>; value: string }[];
}

interface Group {
  name: string;
  rules: { name: string; health: string; lastError?: string }[];
}

/** Runs a module of deploy/, which is no CommonJS and cannot be imported here, and returns what it printed as JSON. */
function fromDeploy<T>(code: string): T {
  const args = ['--input-type=module', '-e', code];
  const options = { cwd: root, encoding: 'utf8', timeout: 300_000, maxBuffer: 2 ** 26 } as const;
  const [last = ''] = execFileSync(process.execPath, args, options).trim().split('\n').slice(-1);
  return JSON.parse(last) as T;
}

/** Everything that dashboards and rules ask. */
export const askedOfPrometheus = (): Asked[] =>
  fromDeploy<Asked[]>(
    `import { allExpressions, metricsIn } from './deploy/checks/expressions.mjs';
     console.log(JSON.stringify(allExpressions('.').map((one) => ({ ...one, metrics: metricsIn(one.expr) }))));`,
  );

/** The machine's or Debian's Prometheus with Lapwing's settings and rules; the targets are replaced, and it looks each second. */
export class PrometheusServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly url: string,
  ) {}

  /** Starts one that asks so many services at ports of this machine. */
  static async start(ports: Record<string, number>): Promise<PrometheusServer> {
    const program = fromDeploy<string>(
      `import { findServer } from './deploy/local/binaries.mjs';
       console.log(JSON.stringify(findServer('prometheus', '.data').program));`,
    );
    const folder = mkdtempSync(path.join(tmpdir(), 'lapwing-prometheus-'));
    const file = path.join(folder, 'prometheus.yml');
    writeFileSync(file, settingsFor(ports));
    const port = await freePort();
    const args = [
      `--config.file=${file}`,
      '--enable-feature=exemplar-storage',
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const child = spawn(path.resolve(root, program), args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const server = new PrometheusServer(child, folder, `http://127.0.0.1:${port}`);
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(said);
      const { status } = await fetch(`${server.url}/-/ready`);
      if (status !== 200) throw new Error(String(status));
    }, 60_000);
    return server;
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    if (this.child.exitCode === null) await once(this.child, 'exit');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What an expression is now; throws with what Prometheus says against it. */
  async query(expr: string): Promise<Found[]> {
    const { result } = await this.#ask<{ result: Found[] }>('query', { query: expr });
    return result;
  }

  /** The exemplars of the last minutes. */
  exemplars(expr: string): Promise<Exemplar[]> {
    const now = Date.now() / 1000;
    return this.#ask('query_exemplars', { query: expr, start: String(now - 600), end: String(now + 60) });
  }

  /** All rules, and whether they can be evaluated. */
  async rules(): Promise<Group['rules']> {
    const { groups } = await this.#ask<{ groups: Group[] }>('rules', {});
    return groups.flatMap(({ rules }) => rules);
  }

  /** Which targets answer, by job. */
  async targets(): Promise<{ job: string; health: string; error: string }[]> {
    const { activeTargets } = await this.#ask<{
      activeTargets: { labels: { job: string }; health: string; lastError: string }[];
    }>('targets', {});
    return activeTargets.map(({ labels, health, lastError }) => ({ job: labels.job, health, error: lastError }));
  }

  async #ask<T>(what: string, parameters: Record<string, string>): Promise<T> {
    const isQuery = what.startsWith('query');
    const answer = await fetch(`${this.url}/api/v1/${what}`, {
      method: isQuery ? 'POST' : 'GET',
      ...(isQuery && { body: new URLSearchParams(parameters) }),
      signal: AbortSignal.timeout(30_000),
    });
    const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string };
    if (status !== 'success') throw new Error(`${JSON.stringify(parameters)}: ${error}`);
    return data;
  }
}

/** deploy/prometheus/prometheus.yml, with other targets. */
function settingsFor(ports: Record<string, number>): string {
  const folder = path.join(root, 'deploy/prometheus');
  const settings = parse(readFileSync(path.join(folder, 'prometheus.yml'), 'utf8')) as {
    global: object;
    rule_files: string[];
    scrape_configs: { job_name: string; relabel_configs?: { source_labels?: string[] }[] }[];
  };
  const [lapwing] = settings.scrape_configs;
  if (lapwing?.job_name !== 'lapwing') throw new Error('the first job of prometheus.yml is not that of Lapwing');
  const {
    dns_sd_configs: _dns,
    relabel_configs: relabel = [],
    ...kept
  } = lapwing as typeof lapwing & { dns_sd_configs?: unknown };
  // What the name of a target says comes from `targets` here.
  const relabel_configs = relabel.filter(({ source_labels: from = [] }) => !from.includes('__meta_dns_name'));
  const targets = Object.entries(ports).map(([job, port]) => ({ targets: [`127.0.0.1:${port}`], labels: { job } }));
  return stringify({
    ...settings,
    global: { ...settings.global, scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: settings.rule_files.map((file) => path.join(folder, file)),
    scrape_configs: [{ ...kept, relabel_configs, static_configs: targets }],
  });
}
