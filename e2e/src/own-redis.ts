import { eventually } from '@lapwing/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../own-redis.mjs', import.meta.url));

/** A Redis of a test's own. */
export class OwnRedis {
  private constructor(
    private readonly folder: string,
    private readonly launcher: ChildProcess,
    readonly url: string,
  ) {}

  /** Starts one. */
  static async start(): Promise<OwnRedis> {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-redis-'));
    const launcher = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    launcher.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const line = await eventually(() => printed.split('\n').find((one) => one.startsWith('{')) ?? false, 60_000);
    return new OwnRedis(folder, launcher, (JSON.parse(line as string) as { url: string }).url);
  }

  /** Ends it and removes its data. */
  async remove(): Promise<void> {
    if (this.launcher.exitCode === null) {
      this.launcher.kill('SIGTERM');
      await once(this.launcher, 'exit');
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
