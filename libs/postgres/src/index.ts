export { encodeColumn, unnestColumns, type ColumnType, type Table } from './columns.js';
export { DatabaseCheck, databaseCheckProvider } from './database-check.js';
export { Migrations } from './migrations.js';
export { Postgres, Transaction, isDatabaseAway, type PostgresOptions, type Result } from './pool.js';
export { installSeries, seriesMode, type SeriesMode } from './series.js';
export { countRows, type Counted } from './row-count.js';
export { sweep, sweepable, type Swept, type SweptRows } from './sweep.js';
export { Schema, instant, isDuplicate, type Statements } from './schema.js';
export { StagedImports, type ImportState, type Sealing } from './staged-imports.js';
