import { ID_PREFIX } from '../../../../id/ids.js';
import type { EventRecord, NewEvent } from '../../../../event/event-record.js';
import type { EventPage, ListEventsOptions } from '../../../../event/event-store.js';
import type { EventId } from '../../../../id/ids.js';
import type { Scope } from '../../../../scope/scope.js';
import { checkLimit, checkOrder, decodeCursor, encodeCursor } from '../../../cursor.js';
import type { Tx } from '../session.js';
import { Conditions } from '../sql/conditions.js';
import { MEETS } from './history.js';
import { wakeRun } from './move.js';
import { type EventRow, type RunRow, toEventRecord } from './rows.js';

const INSERT = `
  INSERT INTO dispatch_events (
    id, created_at, expires_at, name, key, run_id, codec, scope_app_id, scope_org_id, payload)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const EXISTS = 'SELECT 1 FROM dispatch_events WHERE id = ?';

// In the transaction that publishes: under the write lock nobody parks at the same moment.
const WAITING = `
  SELECT DISTINCT r.seq, r.id, r.name, r.worker_id FROM dispatch_events e CROSS JOIN dispatch_waits w CROSS JOIN dispatch_runs r
  WHERE e.id = ? AND w.event_name = e.name AND r.id = w.run_id AND ${MEETS}`;

/** Inserts events and wakes the runs that wait for them. @param retry events that are there already count */
export function publishEvents(tx: Tx, events: readonly NewEvent[], retry: boolean): { readonly now: number } {
  for (const event of events) {
    if (retry && tx.sql(EXISTS).get(event.id) !== undefined) continue;
    const { id, name, key, runId, codec, scopeAppId, scopeOrgId, payload } = event;
    const times = [tx.now, tx.now + Math.ceil(event.ttlMs)];
    tx.sql(INSERT).run(id, ...times, name, key, runId, codec, scopeAppId, scopeOrgId, payload);
    const waiting = tx.sql<Pick<RunRow, 'seq' | 'id' | 'name' | 'worker_id'>>(WAITING).all(id, tx.now);
    for (const run of waiting) {
      if (run.worker_id === null) wakeRun(tx, run, tx.now);
      else tx.wakes.signal(run.id);
    }
  }
  return { now: tx.now };
}

export function getEvent(tx: Tx, id: EventId, scope?: Scope): EventRecord | null {
  const where = new Conditions().add('id = ?', id).scope(scope);
  const row = tx.sql<EventRow>(`SELECT * FROM dispatch_events ${where.text}`).get(...where.parameters);
  return row ? toEventRecord(row) : null;
}

export function listEvents(tx: Tx, options: ListEventsOptions): EventPage {
  const limit = checkLimit(options.limit);
  const ascending = checkOrder(options.order) === 'asc';
  const { name, key, since, until } = options;
  const where = new Conditions().scope(options.scope);
  if (name !== undefined) where.add('name = ?', name);
  if (key !== undefined) where.add('key = ?', key);
  if (since !== undefined) where.add('created_at >= ?', since);
  if (until !== undefined) where.add('created_at < ?', until);
  if (options.cursor !== undefined) {
    const { at, id } = decodeCursor(options.cursor, ID_PREFIX.event);
    where.add(`(created_at, id) ${ascending ? '>' : '<'} (?, ?)`, at, id);
  }
  if (limit === 0) return { events: [] };
  const order = ascending ? 'ASC' : 'DESC';
  const sql = `SELECT * FROM dispatch_events ${where.text} ORDER BY created_at ${order}, id ${order} LIMIT ?`;
  const rows = tx.sql<EventRow>(sql).all(...where.parameters, limit + 1);
  const events = rows.slice(0, limit).map(toEventRecord);
  const last = events.at(-1);
  return rows.length > limit && last
    ? { events, nextCursor: encodeCursor({ at: last.createdAt, id: last.id }) }
    : { events };
}

export function pruneEvents(tx: Tx, limit: number): number {
  const sql = `
    DELETE FROM dispatch_events
    WHERE seq IN (SELECT seq FROM dispatch_events WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`;
  return tx.sql(sql).run(tx.now, limit).changes;
}
