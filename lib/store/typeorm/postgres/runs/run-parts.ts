import type { PgConnection } from '../pg-connection.js';
import type { Tables } from '../tables.js';
import { PgRunClaims } from './claim-runs.js';
import { PgEvents } from './events.js';
import { PgRunInserts } from './insert-runs.js';
import { PgRunReads } from './read-runs.js';
import { PgRunActions } from './run-actions.js';
import { PgRunCommits } from './run-commits.js';
import { PgRunHistory } from './run-history.js';
import { PgRunRescue } from './run-rescue.js';
import { PgRunTransitions } from './run-transitions.js';

/** The parts of a PostgreSQL store that know runs and events. */
export class PgRunParts {
  readonly inserts: PgRunInserts;
  readonly claims: PgRunClaims;
  readonly history: PgRunHistory;
  readonly commits: PgRunCommits;
  readonly actions: PgRunActions;
  readonly rescue: PgRunRescue;
  readonly reads: PgRunReads;
  readonly events: PgEvents;

  constructor(connection: PgConnection, tables: Tables) {
    const transitions = new PgRunTransitions(tables);
    this.inserts = new PgRunInserts(tables);
    this.claims = new PgRunClaims(tables);
    this.history = new PgRunHistory(tables);
    this.commits = new PgRunCommits(connection, tables, this.history, transitions);
    this.actions = new PgRunActions(connection, tables, transitions);
    this.rescue = new PgRunRescue(connection, tables, transitions);
    this.reads = new PgRunReads(tables);
    this.events = new PgEvents(tables);
  }
}
