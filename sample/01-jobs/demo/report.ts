import type { MailGatewayStats } from '../mail-gateway/mail-gateway.js';
import type { Audit } from './audit.js';

export interface Report {
  readonly audit: Audit;
  readonly mail: MailGatewayStats;
  readonly heldWhenKilled: number;
  readonly seconds: number;
}

/** The figures of a run as a table. */
export function formatReport({ audit, mail, heldWhenKilled, seconds }: Report): string {
  const rows: readonly (readonly [string, string | number])[] = [
    ['orders', audit.orders],
    ['PDFs on disk', audit.pdfs],
    ['mails sent', mail.sent],
    ['mails asked for again', mail.repeated],
    ['gateway answered 503', mail.overloaded],
    ['attempts', audit.attempts],
    ['retries', audit.retries],
    ['held by the killed worker', heldWhenKilled],
    ['rescued', audit.rescued],
    ['DLQ entries', audit.dlqEntries],
    ...[...audit.reasons].map(([reason, count]) => [`  ${reason}`, count] as const),
    ['seconds', seconds.toFixed(1)],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  const line = '-'.repeat(width + 8);
  return [line, ...rows.map(([label, value]) => `${label.padEnd(width)}  ${String(value).padStart(6)}`), line].join(
    '\n',
  );
}

/** The last line: whether every order came to its end, or what is wrong. */
export function formatVerdict({ orders, problems }: Audit): string {
  if (problems.length === 0) return `OK: each of ${orders} orders has exactly one PDF or one DLQ entry.`;
  const shown = problems.slice(0, 10).map((problem) => `  ${problem}`);
  const more = problems.length > shown.length ? [`  and ${problems.length - shown.length} more`] : [];
  return [`FAILED: ${problems.length} problems`, ...shown, ...more].join('\n');
}
