// Which way imports may point. The reasons are in ARCHITECTURE.md.
const app = (folder) => `^apps/([^/]+)/src/${folder}/`;
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: '\\.spec\\.ts$' },
  to: { path: '^(apps|libs)/', pathNot: [...allowed, '/node_modules/'] },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, dependencyTypesNot: ['type-only'] } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    only(
      'domain-knows-domain',
      app('domain'),
      ['^apps/$1/src/domain/', '^libs/contracts/'],
      'domain is plain TypeScript',
    ),
    only(
      'store-is-the-way-out',
      app('store'),
      ['^apps/$1/src/(store|domain)/', '^libs/(postgres|redis|contracts|service)/'],
      'SQL, Redis and disk',
    ),
    only(
      'services-orchestrate',
      app('services'),
      ['^apps/$1/src/(services|domain|store|channels|sources|config)', '^libs/'],
      'load, decide, save, publish',
    ),
    only(
      'handlers-are-thin',
      app('handlers'),
      ['^apps/$1/src/(services|domain|store|sources)/', '^libs/(contracts|bus)/'],
      'parse, call, map',
    ),
    {
      name: 'apps-do-not-know-apps',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/standalone/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'gateway-has-no-database',
      severity: 'error',
      from: { path: '^apps/gateway/' },
      to: { path: '^libs/postgres/|node_modules/pg/' },
    },
    {
      name: 'only-the-bus-knows-nats',
      severity: 'error',
      from: { pathNot: '^(libs/(bus|testing)|bench|e2e/flows|apps/[^/]+/test)/' },
      to: { path: 'node_modules/(@nats-io|@nestjs/microservices)/' },
    },
    {
      name: 'contracts-know-zod-alone',
      severity: 'error',
      from: { path: '^libs/contracts/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: '^libs/contracts/|node_modules/zod/' },
    },
    { name: 'libs-do-not-know-apps', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/|/node_modules/.*/node_modules/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.directions.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'default'] },
  },
};
