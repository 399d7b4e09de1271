import { deploymentOf, planOf } from './deployment';

const facts = {
  kubernetesHost: undefined,
  isContainer: false,
  installFolder: undefined,
  isRelease: false,
  isClone: false,
};
const about = {
  version: '1.4.0',
  channel: 'stable' as const,
  platform: 'linux-x64',
  archive: undefined,
  installFolder: undefined,
};

describe('how Lapwing was put here', () => {
  it.each([
    ['kubernetes', { kubernetesHost: '10.0.0.1', isContainer: true }],
    ['kubernetes', { kubernetesHost: '10.0.0.1', isRelease: true, installFolder: '/opt/lapwing' }],
    ['systemd', { isRelease: true, installFolder: '/opt/lapwing' }],
    ['docker', { isContainer: true }],
    ['docker', { isContainer: true, isRelease: true }],
    ['source', { isContainer: true, isClone: true }],
    ['source', {}],
    ['source', { isRelease: true }],
    ['source', { installFolder: '/opt/lapwing' }],
  ] as const)('%s: %j', (deployment, given) => expect(deploymentOf({ ...facts, ...given })).toBe(deployment));
});

describe('the plan', () => {
  it.each(['systemd', 'docker', 'kubernetes', 'source'] as const)('of %s names the version', (deployment) =>
    expect(planOf(deployment, about).join('\n')).toContain('1.4.0'),
  );

  it('compares the archive before it is unpacked, where it is installed', () => {
    const archive = { url: "https://updates.example.com/it's.tar.gz", sha256: 'ab'.repeat(32) };
    const steps = planOf('systemd', { ...about, archive, installFolder: '/srv/lapwing' });
    expect(steps).toContain(`curl -fLO 'https://updates.example.com/it'\\''s.tar.gz'`);
    const checked = steps.findIndex((step) => step.includes('sha256sum -c'));
    expect(checked).toBeGreaterThan(0);
    expect(steps.findIndex((step) => step.startsWith('tar '))).toBeGreaterThan(checked);
    expect(steps.join('\n')).toContain('/srv/lapwing/releases/1.4.0');
    expect(steps.join('\n')).not.toContain('/opt/');
  });

  it.each(['docker', 'kubernetes'] as const)(
    'of %s takes the files of the version, before anything of it runs',
    (type) => {
      const steps = planOf(type, about);
      const position = (text: string): number => steps.findIndex((step) => step.startsWith(text));
      const order =
        type === 'docker'
          ? ['git checkout v1.4.0', 'sh deploy/docker/setup.sh', 'sed ', 'docker compose build', 'docker compose up']
          : [
              'git checkout v1.4.0',
              'npm run k8s:secrets',
              'kubectl apply --server-side -f',
              'sed ',
              'kubectl apply -k',
            ];
      const found = order.map(position);
      expect(found).not.toContain(-1);
      expect(found).toEqual(found.toSorted((a, b) => a - b));
    },
  );

  it('leaves servers alone on Kubernetes, and waits for the migrations of that very version', () => {
    const steps = planOf('kubernetes', about);
    expect(steps.filter((step) => step.includes('rollout'))).toHaveLength(2);
    for (const step of steps.filter((one) => one.includes('rollout')))
      expect(step).toContain('app.kubernetes.io/component=service');
    const migrated = steps.findIndex((step) => step.includes('job/migrate-1.4.0'));
    expect(migrated).toBeGreaterThan(steps.indexOf('kubectl apply -k .'));
    expect(migrated).toBeLessThan(steps.findIndex((step) => step.includes('rollout status')));
  });
});
