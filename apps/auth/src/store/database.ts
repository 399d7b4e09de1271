import { Schema, type Transaction } from '@lapwing/postgres';

/** Serialises changes that look at all users before they decide. */
const USERS_LOCK = 7_524_602;

/** The schema `auth`, once it is up to date. */
export class Database extends Schema {
  /** A transaction beside which no other one changes users, roles or tokens. */
  change<T>(name: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.exclusive(name, { kind: USERS_LOCK }, work);
  }
}
