import { LapwingError, type AttemptStep, type Release } from '@lapwing/contracts';
import type { Postgres } from '@lapwing/postgres';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { ArchiveError } from '../domain/archive.js';
import { expandOnlyProblem } from '../domain/expand-only.js';
import { serviceSchemas } from '../domain/schemas.js';
import { saveConfiguration } from '../store/backup.js';
import { diskProblem, wantRoom } from '../store/disk.js';
import type { Installation } from '../store/installation.js';
import { unpack } from '../store/unpack.js';
import { migrate, selfTest } from './trial-run.js';

/** What an installation works with. */
export interface InstallingParts {
  installation: Installation;
  postgres: Postgres;
  /** Folder of backups. */
  backups: string;
  environmentFile: string | undefined;
  signal: AbortSignal;
  /** Hears where it is. */
  advance: (step: AttemptStep, share?: number) => Promise<void>;
}

const UNPACK_MS = 900_000;
/** An unpacked release is about three times as large as its archive. */
const UNPACKED_FACTOR = 5;

/** Unpacks an archive and looks at what came out, without touching what runs. Its place is `releases/<version>`. */
export async function putInPlace(archive: string, release: Release, parts: InstallingParts): Promise<string> {
  const { installation, signal, advance } = parts;
  await advance('unpacking');
  await wantRoom(installation.folder, release.size * UNPACKED_FACTOR, 'the unpacked release');
  const incoming = await installation.incoming();
  await unpack(archive, {
    top: `lapwing-${release.version}`,
    to: incoming,
    signal: AbortSignal.any([signal, AbortSignal.timeout(UNPACK_MS)]),
    onBytes: (bytes) => void advance('unpacking', bytes / release.size).catch(() => {}),
  });
  const manifest = await installation.manifest(incoming).catch(() => undefined);
  if (manifest?.version !== release.version || manifest.platform !== release.platform)
    throw new ArchiveError(`the archive does not hold Lapwing ${release.version} for ${release.platform}`);
  await wantExpandOnly(incoming, parts.postgres);
  return installation.place(incoming, release.version);
}

/** Everything that a version must pass before it may run: its own test, and for a new one a saved configuration and a database that fits. */
export async function prepare(
  folder: string,
  { version, attemptId, migrates }: { version: string; attemptId: string; migrates: boolean },
  { postgres, backups, environmentFile, signal, advance }: InstallingParts,
): Promise<void> {
  await advance('testing');
  await selfTest(folder, version, signal);
  await advance('saving');
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  await saveConfiguration(postgres, path.join(backups, `${time}-${attemptId.slice(0, 8)}`), environmentFile);
  if (!migrates) return;
  await advance('migrating');
  await migrate(folder, signal);
}

/** Refuses a version whose migrations would take something away from the one that runs, which must be able to run again. */
async function wantExpandOnly(folder: string, postgres: Postgres): Promise<void> {
  for (const { app, schema } of serviceSchemas) {
    const { rows: tables } = await postgres.query(
      'migration.there',
      `SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'migration'`,
      [schema],
    );
    const { rows } =
      tables.length > 0
        ? await postgres.query<{ name: string }>('migration.applied', `SELECT name FROM "${schema}".migration`)
        : { rows: [] };
    const applied = new Set(rows.map(({ name }) => name));
    const migrations = path.join(folder, 'apps', app, 'migrations');
    for (const file of (await readdir(migrations)).filter((name) => !applied.has(name))) {
      const problem = expandOnlyProblem(await readFile(path.join(migrations, file), 'utf8'));
      if (problem)
        throw new LapwingError(
          'UPDATE_FAILED',
          `its migration ${app}/${file} ${problem}: going back would not be possible`,
        );
    }
  }
}

/** An error of an attempt as history and its watchers are told; `step` says where it was. */
export function failureOf(error: unknown, step: AttemptStep): LapwingError | undefined {
  if (error instanceof LapwingError) return error;
  if (error instanceof ArchiveError) return new LapwingError('UPDATE_FEED_INVALID', error.message);
  const problem = diskProblem(error);
  return problem === undefined ? undefined : new LapwingError('UPDATE_FAILED', `${problem} (while ${step})`);
}
