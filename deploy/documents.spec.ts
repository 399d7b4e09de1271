import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '..');
const skipped = new Set(['node_modules', 'dist', '.data', '.git']);

function documents(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return [];
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return documents(file);
    return entry.name.endsWith('.md') ? [path.relative(root, file)] : [];
  });
}

const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const apps = readdirSync(path.join(root, 'apps'));

describe('documents', () => {
  it.each(documents(root))('%s: every link leads somewhere', (file) => {
    const links = [...read(file).matchAll(/\]\(([^)#\s]+)\)/g)].map((match) => match[1] ?? '');
    const broken = links.filter(
      (link) => !/^[a-z]+:/.test(link) && !existsSync(path.join(root, path.dirname(file), link)),
    );
    expect(broken).toEqual([]);
  });

  it.each(apps)('apps/%s: the README says what it owns, hears, says, keeps and reads', (app) => {
    const text = read(`apps/${app}/README.md`);
    for (const word of ['owns', 'hears', 'says', 'tables', 'environment'])
      expect(text.toLowerCase()).toContain(`**${word}**`);
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(12);
  });

  it.each(apps.filter((app) => existsSync(path.join(root, `apps/${app}/src/config.ts`))))(
    'apps/%s: the README names every setting, and no other',
    (app) => {
      const names = (text: string, pattern: RegExp): string[] => [
        ...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? '')),
      ];
      const config = read(`apps/${app}/src/config.ts`);
      const shared = read('libs/service/src/config.ts');
      const database = shared.slice(shared.indexOf('export const databaseConfig'), shared.indexOf('class ConfigError'));
      const common = shared.slice(
        shared.indexOf('export const commonConfig'),
        shared.indexOf('export const databaseConfig'),
      );
      const setting = /^ {2,4}([A-Z][A-Z0-9_]+):/gm;
      const known = [
        ...names(config, setting),
        ...names(common, setting),
        ...(config.includes('databaseConfig') ? names(database, setting) : []),
        ...(config.includes('secretKeyConfig') ? names(read('libs/service/src/secret-key.ts'), setting) : []),
      ];
      const environment = read(`apps/${app}/README.md`).split('**Environment**')[1] ?? '';
      expect(names(environment, /`([A-Z][A-Z0-9_]+)`/g).toSorted()).toEqual(known.toSorted());
    },
  );

  it('every migration begins with what it needs of TimescaleDB', () => {
    for (const app of apps) {
      const folder = path.join(root, 'apps', app, 'migrations');
      if (!existsSync(folder)) continue;
      const [first = ''] = readdirSync(folder).toSorted();
      expect(read(`apps/${app}/migrations/${first}`)).toMatch(/^-- NOTICE: /);
    }
  });

  it('the migrations of each app are numbered in a row', () => {
    for (const app of apps) {
      const folder = path.join(root, 'apps', app, 'migrations');
      if (!existsSync(folder)) continue;
      const numbers = readdirSync(folder)
        .toSorted()
        .map((name) => Number(name.slice(0, 4)));
      expect({ app, numbers }).toEqual({ app, numbers: numbers.map((_, index) => index + 1) });
    }
  });

  it('every adr is numbered', () => {
    const adrs = readdirSync(path.join(root, 'docs/adr'))
      .filter((name) => name !== 'README.md')
      .toSorted();
    adrs.forEach((name, index) =>
      expect(name).toMatch(new RegExp(`^${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`)),
    );
  });
});
