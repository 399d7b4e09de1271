import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, readlink, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Journal } from '../domain/journal.js';
import { isNewer, isVersion } from '../domain/version.js';
import { ReleaseManifest } from './own-release.js';
import { syncFolder, syncTree, writeDurably } from './disk.js';

/** Stands in the folder of a version that has held. */
const PROVEN = '.proven';
/** Versions that are kept beside the one that runs and the one before, the newest. */
const KEPT = 2;

/**
 * The folder in which releases are installed: `releases/<version>/`, `current` (a symbolic link to one of them), `journal.json`, and `updates/`
 * with archives and backups. The guard runs what `current` names.
 */
export class Installation {
  constructor(readonly folder: string) {}

  /** Where a version is, or would be. */
  release(version: string): string {
    return path.join(this.folder, 'releases', version);
  }

  /** The version that `current` names. */
  async current(): Promise<string> {
    return path.basename(await readlink(path.join(this.folder, 'current')));
  }

  /** Versions that are there, the newest first. */
  async versions(): Promise<string[]> {
    const names = (await readdir(path.join(this.folder, 'releases'))).filter(isVersion);
    return names.toSorted((one, other) => (isNewer(one, other) ? -1 : 1));
  }

  /** Versions that have held once, the newest first. */
  async proven(): Promise<string[]> {
    const versions = await this.versions();
    return versions.filter((version) => existsSync(path.join(this.release(version), PROVEN)));
  }

  /** A folder for a release that is being unpacked; what a former attempt left there is gone. */
  async incoming(): Promise<string> {
    const folder = path.join(this.folder, 'releases', '.incoming');
    await mkdir(path.dirname(folder), { recursive: true });
    await rm(folder, { recursive: true, force: true });
    return folder;
  }

  /** Brings an unpacked release to its place, in one step, when all of it is on the disk. */
  async place(incoming: string, version: string): Promise<string> {
    const target = this.release(version);
    await rm(target, { recursive: true, force: true });
    await syncTree(incoming);
    await rename(incoming, target);
    await syncFolder(path.dirname(target));
    return target;
  }

  /** What a release says of itself. */
  async manifest(folder: string): Promise<ReleaseManifest> {
    return ReleaseManifest.parse(JSON.parse(await readFile(path.join(folder, 'release.json'), 'utf8')));
  }

  /** What the guard and the updater told each other last; undefined when there is nothing that can be read. */
  async journal(): Promise<Journal | undefined> {
    try {
      return Journal.parse(JSON.parse(await readFile(path.join(this.folder, 'journal.json'), 'utf8')));
    } catch {
      return undefined;
    }
  }

  /** Tells the guard. */
  async order(journal: Journal): Promise<void> {
    await writeDurably(path.join(this.folder, 'journal.json'), `${JSON.stringify(journal, null, 2)}\n`);
  }

  /** Takes an order back that the guard has not begun with. False when it has. */
  async withdraw(attemptId: string): Promise<boolean> {
    const journal = await this.journal();
    if (journal?.attemptId !== attemptId || journal.phase !== 'ordered') return false;
    await rm(path.join(this.folder, 'journal.json'), { force: true });
    return true;
  }

  /** Notes that a version has held. */
  async prove(version: string): Promise<void> {
    await writeDurably(path.join(this.release(version), PROVEN), `${new Date().toISOString()}\n`);
  }

  /** Removes what nobody will go back to: versions that never held, and old ones. */
  async prune(keep: readonly string[]): Promise<void> {
    const proven = await this.proven();
    const kept = [...keep, ...proven.filter((version) => !keep.includes(version)).slice(0, KEPT)];
    const old = (await this.versions()).filter((version) => !kept.includes(version));
    for (const version of old) await rm(this.release(version), { recursive: true, force: true });
    await rm(path.join(this.folder, 'releases', '.incoming'), { recursive: true, force: true });
  }
}
