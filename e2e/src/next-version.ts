import { cp, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LEFT_OUT = new Set(['node_modules', 'src', 'test', 'fixtures']);

/** Puts what was built into a folder once more, as another version; packages of others are those of this one. */
export async function stageVersion(folder: string, version: string): Promise<void> {
  await mkdir(path.join(folder, 'node_modules/@lapwing'), { recursive: true });
  const packages = await readdir(path.join(root, 'node_modules'));
  await Promise.all(
    packages
      .filter((name) => name !== '@lapwing')
      .map((name) => symlink(path.join(root, 'node_modules', name), path.join(folder, 'node_modules', name))),
  );
  await writeVersion(root, folder, version);
  for (const kind of ['libs', 'apps'])
    for (const name of await readdir(path.join(root, kind))) await stageWorkspace(folder, `${kind}/${name}`, version);
}

/** Gives a staged version a migration that the one before it does not have. */
export async function addMigration(folder: string, service: string): Promise<void> {
  const migrations = path.join(folder, 'apps', service, 'migrations');
  const number = String((await readdir(migrations)).length + 1).padStart(4, '0');
  await writeFile(path.join(migrations, `${number}_next.sql`), `CREATE TABLE "${service}".next_version (id int)`);
}

async function stageWorkspace(folder: string, workspace: string, version: string): Promise<void> {
  const [from, to] = [path.join(root, workspace), path.join(folder, workspace)];
  const filter = (file: string): boolean => !LEFT_OUT.has(path.relative(from, file).split(path.sep)[0] ?? '');
  await cp(from, to, { recursive: true, filter });
  await writeVersion(from, to, version);
  await symlink(to, path.join(folder, 'node_modules/@lapwing', path.basename(workspace)));
  if ((await readdir(from)).includes('node_modules'))
    await symlink(path.join(from, 'node_modules'), path.join(to, 'node_modules'));
}

async function writeVersion(from: string, to: string, version: string): Promise<void> {
  const manifest = JSON.parse(await readFile(path.join(from, 'package.json'), 'utf8')) as object;
  await writeFile(path.join(to, 'package.json'), JSON.stringify({ ...manifest, version }));
}
