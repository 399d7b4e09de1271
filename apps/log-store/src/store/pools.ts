import { Postgres } from '@lapwing/postgres';

/** Connections of their own for searches: whoever searches long keeps no line from being stored. */
export class SearchPostgres extends Postgres {}

/** Connections of their own for rules on logs: no search of a person keeps them from being judged. */
export class RulePostgres extends Postgres {}

/** One connection for what takes minutes and cannot be done in a transaction: building indexes. Advisory locks of the session hold on it. */
export class BuilderPostgres extends Postgres {}
