import fs from 'node:fs';
import path from 'node:path';
import { evaluated, moduleAt, root } from './compose-harness';

const dataDir = path.join(root, '.data');
const PROMETHEUS = 'deploy/prometheus/prometheus.yml';
const RULES = 'deploy/prometheus/rules/lapwing.yml';
const BUS = 'deploy/grafana/dashboards/lapwing-bus.json';
const read = ['docker-compose.yml', 'docs', 'deploy/prometheus', 'deploy/grafana', 'deploy/otel', 'deploy/tempo'];

describe('the check of what watches Lapwing', () => {
  const copy = fs.mkdtempSync(path.join(fs.realpathSync(process.env['TMPDIR'] ?? '/tmp'), 'lapwing-observability-'));

  beforeAll(() => {
    for (const name of [...read, 'k8s/components/monitoring'])
      fs.cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  });
  afterAll(() => fs.rmSync(copy, { recursive: true, force: true }));

  const problems = (): string[] =>
    evaluated(`import { check } from ${moduleAt('deploy/checks/observability.mjs')};
      const options = { dataDir: ${JSON.stringify(dataDir)} };
      process.stdout.write('\\n' + JSON.stringify(await check(${JSON.stringify(copy)}, options)));`);

  it('finds nothing wrong with what is there', () => {
    expect(problems()).toEqual([]);
  }, 300_000);

  it.each<[string, string, string, string[]]>([
    [
      PROMETHEUS,
      'log-store',
      'log-stor',
      ['it asks log-stor, which is no service of docker-compose.yml', 'it does not ask log-store'],
    ],
    [
      PROMETHEUS,
      'port: 9090',
      'port: 9091',
      ['it asks fleet at port 9091', 'in docker-compose.yml it answers at 9090'],
    ],
    [PROMETHEUS, 'replacement: lapwing', 'replacement: others', ['it does not set the label part_of to lapwing']],
    [BUS, 'lapwing_bus_connected{', 'lapwing_bus_conn{', ['there is no metric lapwing_bus_conn']],
    [
      BUS,
      'lapwing_bus_publish_seconds_bucket',
      'lapwing_bus_publish_seconds',
      ['there is no metric lapwing_bus_publish_seconds'],
    ],
    [RULES, 'lapwing_process_max_fds', 'lapwing_process_fds', ['there is no metric lapwing_process_fds']],
  ])(
    'finds what is broken in %s: %s → %s',
    (file, from, to, told) => {
      const target = path.join(copy, file);
      const good = fs.readFileSync(target, 'utf8');
      expect(good).toContain(from);
      fs.writeFileSync(target, good.replace(from, to));
      try {
        const found = problems().join('\n');
        for (const text of told) expect(found).toContain(text);
      } finally {
        fs.writeFileSync(target, good);
      }
    },
    120_000,
  );
});
