// What is derived from the code and checked in: routes.txt, openapi.json, subjects.txt, metrics.txt, dashboards, rules for Kubernetes, files of the Helm chart.
// Writes them; with --check it compares, and fails when one is not up to date.
import fs from 'node:fs';
import path from 'node:path';
import { chartFiles } from './kubernetes/chart-files.mjs';

const root = path.resolve(import.meta.dirname, '..');
const load = (/** @type {string} */ file) => import(path.join(root, file));

const { createGateway, describeApi } = await load('apps/gateway/dist/http/app.js');
const { GatewayModule } = await load('apps/gateway/dist/gateway.module.js');
const { loadConfig } = await load('apps/gateway/dist/config.js');
const { controllers } = await load('apps/gateway/dist/routes/registry.js');
const { describeRoutes, routesOf } = await load('apps/gateway/dist/http/route-list.js');
const { describeCatalogue } = await load('libs/contracts/dist/index.js');
const { observabilityFiles } = await load('deploy/grafana/make.mjs');

const app = await createGateway(GatewayModule.register(loadConfig({})), loadConfig({}));
const lists = {
  'apps/gateway/routes.txt': describeRoutes(routesOf(controllers)),
  'apps/gateway/openapi.json': `${JSON.stringify(describeApi(app), null, 2)}\n`,
  'libs/contracts/subjects.txt': describeCatalogue(),
  ...observabilityFiles(root),
};

let stale = 0;
const keep = (/** @type {Record<string, string>} */ files) => {
  for (const [file, content] of Object.entries(files)) {
    const target = path.join(root, file);
    const current = fs.existsSync(target) ? fs.readFileSync(target, 'utf8') : '';
    if (current === content) continue;
    if (process.argv.includes('--check')) {
      stale++;
      process.stderr.write(`${file} is not up to date: run "npm run derive"\n`);
    } else {
      fs.mkdirSync(path.dirname(target), { recursive: true });
      fs.writeFileSync(target, content);
    }
  }
};
keep(lists);
// After the others: it has copies of some of them.
keep(await chartFiles(root));
process.exit(stale > 0 ? 1 : 0);
