import type { DeploymentType, ReleaseChannel } from '@lapwing/contracts';

/** What tells how Lapwing was put on this machine. */
export interface DeploymentFacts {
  /** Set by Kubernetes in every container of a pod. */
  kubernetesHost: string | undefined;
  /** Whether the process runs in a container. */
  isContainer: boolean;
  /** Set by the guard that runs releases. */
  installFolder: string | undefined;
  /** Whether the process runs out of a release. */
  isRelease: boolean;
  /** Whether the process runs out of a clone of the repository. */
  isClone: boolean;
}

/** How Lapwing was put on this machine. Only what the guard runs out of a release can update itself. */
export function deploymentOf(facts: DeploymentFacts): DeploymentType {
  if (facts.kubernetesHost) return 'kubernetes';
  if (facts.isRelease && facts.installFolder !== undefined) return 'systemd';
  return facts.isContainer && !facts.isClone ? 'docker' : 'source';
}

/** What a plan is about. `version` is checked: it stands in lines of a shell. */
export interface PlanAbout {
  version: string;
  channel: ReleaseChannel;
  platform: string;
  /** The archive; undefined where no feed is configured. */
  archive: { url: string; sha256: string } | undefined;
  /** Where releases are installed; undefined where they are not. */
  installFolder: string | undefined;
}

/** The commands of a shell that bring a deployment to a version. */
export function planOf(deployment: DeploymentType, about: PlanAbout): string[] {
  return PLANS[deployment](about);
}

/** What bears Lapwing's version on Kubernetes; its servers are none of it. */
const SERVICES = 'app.kubernetes.io/part-of=lapwing,app.kubernetes.io/component=service';

const PLANS: Record<DeploymentType, (about: PlanAbout) => string[]> = {
  systemd: ({ version, platform, archive, installFolder = '/opt/lapwing' }) => {
    const file = `lapwing-${version}-${platform}.tar.gz`;
    const asked = archive && JSON.stringify({ downloadUrl: archive.url });
    const fetched = archive
      ? [
          `curl -fsS -H "Authorization: Bearer $LAPWING_TOKEN" --json ${quoted(asked ?? '')} "$LAPWING_URL/api/updates/apply"`,
          '# or by hand, without a way back by itself:',
          `curl -fLO ${quoted(archive.url)}`,
          `echo '${archive.sha256}  ${file}' | sha256sum -c -`,
        ]
      : [];
    return [
      ...fetched,
      `tar -xzf ${file} -C ${installFolder}/releases`,
      `mv ${installFolder}/releases/lapwing-${version} ${installFolder}/releases/${version}`,
      `ln -sfn releases/${version} ${installFolder}/current`,
      'systemctl restart lapwing',
    ];
  },
  docker: ({ version }) => [
    '# in the clone with docker-compose.yml and .env: the files around the images change, too',
    ...checkedOut(version),
    'sh deploy/docker/setup.sh',
    `sed -i 's/^LAPWING_VERSION=.*/LAPWING_VERSION=${version}/' .env`,
    'docker compose build # where LAPWING_IMAGE and LAPWING_AGENT_IMAGE name images of a registry: docker compose pull',
    'docker compose up -d --wait',
    `curl -fsS http://127.0.0.1:8080/health # must tell ${version}; the port is LAPWING_PORT of .env`,
  ],
  kubernetes: ({ version }) => [
    `# in the clone whose manifests were applied; the registry that they name must hold the images ${version}.`,
    '# Where files of it were changed in place and git refuses: git checkout -m brings the changes along.',
    ...checkedOut(version),
    'npm ci && npm run build',
    'npm run k8s:secrets -- ~/lapwing-secrets # the folder of the first time: services may have got new permissions',
    'kubectl apply --server-side -f ~/lapwing-secrets/secrets.yaml',
    'cd k8s/overlays/production # or what else was applied; with Helm: helm upgrade with the new version in place of the next two',
    `sed -i 's/^  version: .*/  version: ${version}/' version.yaml`,
    'kubectl apply -k .',
    `kubectl -n lapwing wait --for=condition=complete job/migrate-${version} --timeout=15m`,
    `kubectl -n lapwing rollout status deployment -l ${SERVICES} --timeout=15m`,
    `kubectl -n lapwing rollout undo deployment -l ${SERVICES} # when it does not hold; and the old version back into version.yaml`,
  ],
  source: ({ version, channel }) => [
    ...checkedOut(version),
    `npm start # or restart what supervises it${channel === 'rc' ? '; a release candidate' : ''}`,
  ],
};

function checkedOut(version: string): string[] {
  return ['git fetch --tags', `git checkout v${version}`];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
