export { encodeColumn, unnestColumns, type ColumnType, type Table } from './columns.js';
export { Migrations } from './migrations.js';
export { Postgres, Transaction, isDatabaseAway, type PostgresOptions, type Result } from './pool.js';
export { installSeries, seriesMode, type SeriesMode } from './series.js';
export { Schema, instant, isDuplicate, type Statements } from './schema.js';
export { StagedImports, type ImportState, type Sealing } from './staged-imports.js';
