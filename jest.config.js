// Jest runs CommonJS: SWC compiles our TypeScript and the ESM-only packages below to CommonJS (cached on disk).
// Reason: on Node 20 Jest cannot require() an ES module, and CommonJS packages such as light-my-request do.
const esmOnly =
  '@nestjs cookie content-disposition file-type load-esm strtok3 token-types uint8array-extras @tokenizer @borewit js-yaml es-toolkit zod @fastify/cookie p-limit yocto-queue openid-client oauth4webapi jose'.split(
    ' ',
  );
const swc = (parser, transform) => [
  '@swc/jest',
  {
    swcrc: false,
    sourceMaps: 'inline',
    jsc: { target: 'es2022', keepClassNames: true, parser, transform },
    module: { type: 'commonjs' },
  },
];

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/e2e', '<rootDir>/deploy'],
  testMatch: ['**/*.spec.ts'],
  modulePathIgnorePatterns: ['/dist/'],
  testTimeout: 30_000,
  maxWorkers: 2,
  transform: {
    '\\.ts$': swc(
      { syntax: 'typescript', decorators: true },
      { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    ),
    '\\.js$': swc({ syntax: 'ecmascript' }),
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join('|')})/)`],
  moduleNameMapper: {
    '^@lapwing/(bus|contracts|mock|outgoing|postgres|redis|service|signing|telemetry|testing)$':
      '<rootDir>/libs/$1/src/index.ts',
    '^@lapwing/outgoing/(post|fetch-file)$': '<rootDir>/libs/outgoing/src/$1.ts',
    '^@lapwing/signing/open$': '<rootDir>/libs/signing/src/open.ts',
    '^@lapwing/contracts/agent-statement$': '<rootDir>/libs/contracts/src/agent-statement.ts',
    '^@lapwing/(alerting|auth|collector|fleet|gateway|log-store|metrics-store|settings|updates)/(.*)$':
      '<rootDir>/apps/$1/src/$2.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
};
