export { BackupError } from './backup/connection.js';
export { dumpDatabase, type DatabaseBackup, type SavedTable } from './backup/dump.js';
export { loadDatabase, type Restoration } from './backup/load.js';
export { encodeColumn, unnestColumns, type ColumnType, type Table } from './columns.js';
export { Migrations } from './migrations.js';
export { Postgres, Transaction, isDatabaseAway, type PostgresOptions, type Result, type Statements } from './pool.js';
export { installSeries, seriesMode, type SeriesMode } from './series.js';
export { Schema, instant, isDuplicate } from './schema.js';
