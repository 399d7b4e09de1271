// Runs what docker-compose.yml starts, each as in its container, and without Docker.
import { Contained, createDatabase, databaseKinds, redisUrl, type NatsServer } from '@lapwing/testing';
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** The repository. */
export const root = path.resolve(__dirname, '..');

/** Runs a script of ours, which jest cannot import, and reads the last line that it prints; before it may stand what had to be fetched. */
export function evaluated<T>(script: string): T {
  const args = ['--input-type=module', '-e', script];
  const printed = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return JSON.parse(printed.trim().split('\n').at(-1) ?? '') as T;
}

/** The specifier of a module of ours, as it stands in a script. */
export const moduleAt = (file: string): string => JSON.stringify(pathToFileURL(path.join(root, file)).href);

/** What is used of docker-compose.yml, with .env put in. */
export interface ComposeService {
  command: string[];
  environment?: Record<string, string | number>;
  volumes?: (string | { source: string; target: string })[];
  healthcheck?: { test: string[] };
  user?: string;
  cap_add?: string[];
}

/** An installation: the trees of both images, `.env` as setup.sh makes it, folders for volumes, and the servers of this test run. */
export class ComposeInstallation {
  /** Set once there are keys for it. */
  nats: NatsServer | undefined;
  /** The network in which each service has an address of its own, so that all can listen where they do in their containers. */
  readonly #network = `127.${randomInt(64, 255)}.${randomInt(1, 255)}`;

  private constructor(
    private readonly home: string,
    readonly services: Record<string, ComposeService>,
    private readonly database: { url: string; drop: () => Promise<void> },
  ) {}

  /** Makes one, and starts nothing. */
  static async make(): Promise<ComposeInstallation> {
    // Not below the folder of the test run, which is closed to the users of containers.
    const home = fs.mkdtempSync('/tmp/lapwing-compose-');
    fs.chmodSync(home, 0o755);
    const at = (...names: string[]): string => path.join(home, ...names);
    const stage = ['stage', '--version', '9.8.7', '--to', at('lapwing'), '--without-postgres'];
    execFileSync(process.execPath, [path.join(root, 'deploy/release/cli.mjs'), ...stage], { stdio: 'ignore' });
    // As the Dockerfile copies it.
    fs.cpSync(at('lapwing/apps/collector/dist/agent'), at('lapwing-agent'), { recursive: true });
    fs.copyFileSync(at('lapwing/deploy/docker/healthcheck.mjs'), at('lapwing-agent/healthcheck.mjs'));
    fs.mkdirSync(at('setup'), { mode: 0o700 });
    fs.copyFileSync(path.join(root, '.env.example'), at('setup/.env.example'));
    execFileSync('sh', [path.join(root, 'deploy/docker/setup.sh'), at('setup')]);
    const { services } = evaluated<{ services: Record<string, ComposeService> }>(
      `import { readCompose, readEnvironment, resolved } from ${moduleAt('deploy/checks/compose-file.mjs')};
      const env = readEnvironment(${JSON.stringify(at('setup/.env'))});
      process.stdout.write(JSON.stringify(resolved(readCompose('.', 'docker-compose.yml'), env)));`,
    );
    return new ComposeInstallation(home, services, await createDatabase(databaseKinds().at(-1)));
  }

  /** Where a volume lies. */
  volume(name: string): string {
    return path.join(this.home, 'volumes', name);
  }

  /** A setting as the service gets it. */
  setting(service: string, name: string): string {
    return String(this.services[service]?.environment?.[name]);
  }

  /** The address at which a service listens. */
  addressOf(name: string): string {
    return `${this.#network}.${Object.keys(this.services).indexOf(name) + 1}`;
  }

  /**
   * Starts a service. Servers are those of this test run, `changed` is laid over its environment, and another command is run where one is given, as
   * by `docker compose exec`.
   */
  start(name: string, changed: Record<string, string> = {}, another?: string[]): Contained {
    const { command, environment = {}, volumes = [], user = '', cap_add: capabilities = [] } = this.#service(name);
    const id = Number(user.split(':')[0]);
    const address = this.addressOf(name);
    const places = {
      NATS_URL: this.nats?.url ?? '',
      DATABASE_URL: this.database.url,
      REDIS_URL: redisUrl(),
      HOST: address,
      LAPWING_OPS_HOST: address,
    };
    const given = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)]));
    for (const [key, value] of Object.entries(places)) if (given[key]) given[key] = value;
    return Contained.start({
      app: this.#imageOf(name),
      command: another ?? command,
      environment: { ...given, ...changed },
      user: id,
      capabilities,
      volumes: volumes.map((one) => this.#mount(one, id)),
    });
  }

  /** Asks after a service's health as its health check does. */
  health(name: string): Promise<{ code: number | null; output: string }> {
    const [, ...test] = this.#service(name).healthcheck?.test ?? [];
    const command = test.map((word) => word.replace('//127.0.0.1:', `//${this.addressOf(name)}:`));
    return Contained.run({ app: this.#imageOf(name), command, environment: { NODE_ENV: 'production' }, user: 10_001 });
  }

  /** Forgets all of it. */
  async remove(): Promise<void> {
    await this.nats?.stop();
    await this.database.drop();
    fs.rmSync(this.home, { recursive: true, force: true });
  }

  #imageOf(name: string): string {
    return path.join(this.home, name === 'agent' ? 'lapwing-agent' : 'lapwing');
  }

  #service(name: string): ComposeService {
    const service = this.services[name];
    if (!service) throw new Error(`docker-compose.yml has no service ${name}`);
    return service;
  }

  #mount(volume: string | { source: string; target: string }, user: number) {
    // The only ones that are written otherwise are those of the host, read only.
    if (typeof volume !== 'string') return { ...volume, readOnly: true };
    const [source = '', target = '', mode] = volume.split(':');
    const folder = this.volume(source);
    // As an empty volume takes its owner from the folder in the image.
    if (!fs.existsSync(folder)) {
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      fs.chownSync(folder, user, user);
    }
    return { source: folder, target, readOnly: mode === 'ro' };
  }
}
