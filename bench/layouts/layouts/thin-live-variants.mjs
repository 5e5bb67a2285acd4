import { OUTCOME_NAMES, accepted, clock, withFacts } from '../sql.mjs';
import { liveTables, thinLiveHot } from './thin-live.mjs';

const variant = (key, summary, changes) => ({ ...thinLiveHot, key, name: `${key} ${summary}`, summary, ...changes });

/** The rescue's index left out: what BRIN costs. */
export const noWorkerIndex = variant('C2n', 'no worker index', {
  ddl: (t) => liveTables(t).filter((s) => !s.includes('live_worker')),
});

/** Claims of a queue take turns, so that rows need no lock before they are updated. */
export const turns = variant('C2a', 'advisory lock instead of row locks', {
  claim: (t) => `
with turn as materialized (select pg_advisory_xact_lock(7, hashtext($3)) is not null as ok),
${clock(t)},
picked as materialized (
  select ctid from live
  where (select ok from turn) and phase = 0 and queue = $3 and name = any($4) and run_at <= (select now from t)
  order by rank, run_at, id limit $2),
claimed as (
  update live l set phase = 1, attempt = l.attempt + 1, worker_id = $1, started_at = (select now from t)
  where l.ctid = any (array(select ctid from picked)) and l.phase = 0
  returning l.id, l.run_at, l.attempt, l.retry_count, l.started_at)
${withFacts('claimed')}`,
});

/** Settle finds its rows by the ctid that the claim returned. */
export const byCtid = variant('C2t', 'settle by ctid', {
  handles: 'tid[]',
  claim: (t) =>
    thinLiveHot
      .claim(t)
      .replace('l.retry_count, l.started_at)', 'l.retry_count, l.started_at, l.ctid as place)')
      .replace('claimed.started_at', 'claimed.started_at, claimed.place'),
  settle: (t) => `
with ${clock(t)},
freed as (
  delete from live l
  using unnest($2::${t.idArray}, $3::integer[], $4::smallint[], $5::text[], $6::tid[]) as s (id, attempt, state, result, place)
  where l.ctid = s.place and l.id = s.id and l.worker_id is not distinct from $1 and l.attempt = s.attempt
  returning l.id, l.run_at, l.started_at, l.worker_id, l.attempt, l.retry_count, s.state, s.result, l.errors),
done as (
  insert into outcomes (${OUTCOME_NAMES})
  select id, run_at, started_at, t.now, worker_id, attempt, retry_count, state, result, errors from freed, t
  returning id)
${accepted('done')}`,
  retry: (t) => `${thinLiveHot.retry(t)} where $6::tid[] is not null`,
});

export const full = variant('C2f', 'fillfactor 100', { ddl: (t) => liveTables(t, '') });
export const half = variant('C2h', 'fillfactor 60', { ddl: (t) => liveTables(t, 'with (fillfactor = 60)') });
