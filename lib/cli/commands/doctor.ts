import type { Database } from '../database.js';
import type { Finding } from '../doctor/finding.js';
import { examinePostgres } from '../doctor/postgres.js';
import { examineSqlite } from '../doctor/sqlite.js';
import type { Output } from '../output.js';

/** Looks at a database and says what to do. @returns 1 when something keeps Dispatch from working */
export async function doctor(database: Database, out: Output): Promise<number> {
  const findings = database.type === 'postgres' ? await examinePostgres(database) : await examineSqlite(database.file);
  for (const { level, about, text, remedy } of findings) {
    out.line(`${level.padEnd(7)}  ${about}: ${text}`);
    if (remedy !== undefined) out.line(`         -> ${remedy}`);
  }
  const problems = count(findings, 'problem');
  const warnings = count(findings, 'warning');
  out.line(`${problems} problems, ${warnings} warnings`);
  return problems === 0 ? 0 : 1;
}

function count(findings: readonly Finding[], level: Finding['level']): number {
  return findings.filter((finding) => finding.level === level).length;
}
