import type { WorkerId } from '../../../../id/ids.js';
import type { JobReport } from '../../../../job/job-store.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, toUuid, uuidArray } from '../rows.js';
import { CLOCK, type Tables } from '../tables.js';

/*
 * Progress and log lines, each only under its fence. $1 clock  $2 worker  $3 ids  $4 attempts  $5 progress
 * $6 to $9 the lines: ids, attempts, levels, messages
 */
const reportText = (t: Tables): string => `
with ${CLOCK},
held as materialized (
  select l.id, l.attempt, s.progress from ${t.live} l
  join unnest($3::uuid[], $4::int[], $5::text[]) as s (id, attempt, progress) on s.id = l.id
  where l.worker_id = $2 and l.attempt = s.attempt and l.running
  order by l.id for update of l),
written as (
  update ${t.live} l set progress = h.progress, updated_at = (select now from clock)
  from held h where l.id = h.id and h.progress is not null)
insert into ${t.logs} (job_id, at, attempt, level, message)
select s.id, (select now from clock), s.attempt, s.level, s.message
from unnest($6::uuid[], $7::int[], $8::text[], $9::text[]) with ordinality as s (id, attempt, level, message, place)
join held h on h.id = s.id and h.attempt = s.attempt
order by s.place`;

/** Writes what running jobs report of themselves. */
export class PgReports {
  private readonly statement: Statement;

  constructor(tables: Tables) {
    this.statement = statement('report', reportText(tables));
  }

  async report(session: PgSession, workerId: WorkerId, reports: readonly JobReport[]): Promise<void> {
    const lines = reports.flatMap(({ id, attempt, logs = [] }) => logs.map((line) => ({ id, attempt, ...line })));
    const fences = oneOfEach(reports);
    await session.count(this.statement, [
      session.now,
      toUuid(workerId),
      uuidArray(fences.map(({ id }) => id)),
      plainArray(fences.map(({ attempt }) => attempt)),
      fences.map(({ progress }) => progress ?? null),
      uuidArray(lines.map(({ id }) => id)),
      plainArray(lines.map(({ attempt }) => attempt)),
      lines.map(({ level }) => level),
      lines.map(({ message }) => message),
    ]);
  }
}

/** One row an attempt, with the last progress: an attempt that is named twice would have its lines written twice. */
function oneOfEach(reports: readonly JobReport[]): readonly JobReport[] {
  const byFence = new Map<string, JobReport>();
  for (const report of reports) {
    const fence = `${report.id} ${report.attempt}`;
    const progress = report.progress ?? byFence.get(fence)?.progress;
    byFence.set(fence, progress === undefined ? report : { ...report, progress });
  }
  return [...byFence.values()];
}
