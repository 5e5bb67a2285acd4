import type { Database, Statement } from 'better-sqlite3';
import type { Clock } from '../../../clock/clock.js';
import { WakeList } from '../../wake-list.js';

/*
 * SQLite keeps the time as whole milliseconds, so that rounding the seconds times 1000 gives them back exactly;
 * truncating, or julianday(), would be off by one now and then.
 */
const NOW = `SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER)`;

/** One connection with its prepared statements and its clock. Everything on it is synchronous. */
export class Session {
  private readonly statements = new Map<string, Statement>();

  /** @param clock takes the place of SQLite's time; `null` for SQLite's */
  constructor(
    readonly db: Database,
    private readonly clock: Clock | null,
  ) {}

  /** The prepared statement of a text, made once a connection. */
  sql<Row = unknown>(text: string): Statement<unknown[], Row> {
    let statement = this.statements.get(text);
    if (!statement) {
      statement = this.db.prepare(text);
      this.statements.set(text, statement);
    }
    return statement as Statement<unknown[], Row>;
  }

  /** The store's clock, epoch milliseconds. */
  now(): number {
    return this.clock ? this.clock.now() : (this.sql(NOW).pluck().get() as number);
  }
}

/** What the statements of one operation share. Its wakes are emitted once it has committed. */
export class Tx {
  /** The time of everything this transaction writes. */
  readonly now: number;
  readonly wakes = new WakeList();

  constructor(private readonly session: Session) {
    this.now = session.now();
  }

  sql<Row = unknown>(text: string): Statement<unknown[], Row> {
    return this.session.sql<Row>(text);
  }
}
