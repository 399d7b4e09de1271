export { encodeColumn, unnestColumns, type ColumnType, type Table } from './columns.js';
export { Migrations } from './migrations.js';
export { Postgres, Transaction, isDatabaseAway, type PostgresOptions, type Result } from './pool.js';
export { installSeries, seriesMode, type SeriesMode } from './series.js';
export { Schema, isDuplicate, type Statements } from './schema.js';
