// The list of Lapwing's metrics, read out of the code that makes them.
import fs from 'node:fs';
import path from 'node:path';

const MADE =
  /\b(counter|gauge|histogram|tracedHistogram)(?:<[^>]*>)?\(\{\s*name: '(lapwing_[a-z0-9_]+)',\s*help:\s*'([^']*)',?(?:\s*labelNames: \[([^\]]*)\])?/g;

/**
 * One line for each metric: its name, its type, its labels, what it tells, and which folder makes it.
 * @param {string} root of the repository
 */
export function metricList(root) {
  const lines = ['apps', 'libs'].flatMap((top) =>
    fs.readdirSync(path.join(root, top)).flatMap((name) => metricsOf(root, `${top}/${name}`)),
  );
  return `${lines.toSorted((a, b) => (a < b ? -1 : 1)).join('\n')}\n`;
}

/** @param {string} root @param {string} folder */
function metricsOf(root, folder) {
  const source = path.join(root, folder, 'src');
  if (!fs.existsSync(source)) return [];
  const files = fs
    .readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));
  return files.flatMap((name) =>
    [...fs.readFileSync(path.join(source, name), 'utf8').matchAll(MADE)].map(
      ([, kind = '', metric, help, labels = '']) => {
        const exemplars = kind === 'tracedHistogram' ? 'histogram*' : kind;
        const names = labels.replaceAll(/['\s]/g, '').split(',').filter(Boolean).join(',');
        return `${`${metric}{${names}}`.padEnd(64)} ${exemplars.padEnd(10)} ${help} [${folder}]`;
      },
    ),
  );
}
