import { Postgres } from '@lapwing/postgres';

/** Connections of their own for searches: whoever searches long keeps no line from being stored. */
export class SearchPostgres extends Postgres {}

/** One connection for what takes minutes and cannot be done in a transaction: building indexes. Advisory locks of the session hold on it. */
export class BuilderPostgres extends Postgres {}
