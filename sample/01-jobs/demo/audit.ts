import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DispatchService } from '../../../lib/index.js';
import { type RenderInvoice, renderInvoice } from '../invoices/render-invoice.js';

/** What came of the orders, counted from the jobs, the dead-letter queue and the disk. */
export interface Audit {
  readonly orders: number;
  readonly pdfs: number;
  readonly attempts: number;
  readonly retries: number;
  /** Jobs that were taken back from the worker that was killed. */
  readonly rescued: number;
  readonly dlqEntries: number;
  /** How many dead-letter entries have which reason. */
  readonly reasons: ReadonlyMap<string, number>;
  /** What is wrong; nothing when every order has exactly one PDF or one dead-letter entry. */
  readonly problems: readonly string[];
}

/** Looks at everything there is about these orders. */
export async function auditOrders(
  orderIds: readonly string[],
  dispatch: DispatchService,
  invoiceDir: string,
): Promise<Audit> {
  const jobs = await readAll(async (cursor) => {
    const page = await dispatch.jobs.list({ name: renderInvoice.name, limit: 500, ...cursor });
    return { rows: page.jobs, nextCursor: page.nextCursor };
  });
  const entries = await readAll(async (cursor) => {
    const page = await dispatch.dlq.list({ name: renderInvoice.name, limit: 500, ...cursor });
    return { rows: page.entries, nextCursor: page.nextCursor };
  });
  const { whole, broken } = await readInvoices(invoiceDir);
  const reasons = new Map<string, number>();
  for (const { errors } of entries) {
    const reason = errors.at(-1)?.message ?? 'unknown';
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return {
    orders: orderIds.length,
    pdfs: whole.length,
    attempts: jobs.reduce((sum, { attempt }) => sum + attempt, 0),
    retries: jobs.reduce((sum, { attempt }) => sum + Math.max(0, attempt - 1), 0),
    rescued: jobs.filter(({ errors }) => errors.some(({ code }) => code === 'WORKER_LOST')).length,
    dlqEntries: entries.length,
    reasons,
    problems: [
      ...broken.map((file) => `${file} is not a whole PDF`),
      ...findProblems(
        orderIds,
        whole,
        entries.map(({ payload }) => (payload as RenderInvoice).orderId),
      ),
    ],
  };
}

/** Whether each order has exactly one PDF or one dead-letter entry, and nothing else has any. */
export function findProblems(
  orderIds: readonly string[],
  withPdf: readonly string[],
  withDlqEntry: readonly string[],
): readonly string[] {
  const outcomes = new Map(orderIds.map((id) => [id, { pdfs: 0, entries: 0 }]));
  const problems: string[] = [];
  for (const [kind, ids] of [
    ['pdfs', withPdf],
    ['entries', withDlqEntry],
  ] as const) {
    for (const id of ids) {
      const outcome = outcomes.get(id);
      if (outcome) outcome[kind] += 1;
      else problems.push(`${id} is no order that was posted`);
    }
  }
  if (outcomes.size < orderIds.length) problems.push('two orders have the same id');
  for (const [id, { pdfs, entries }] of outcomes) {
    if (pdfs + entries !== 1) problems.push(`order ${id} has ${pdfs} PDFs and ${entries} dead-letter entries`);
  }
  return problems;
}

async function readAll<Row>(
  read: (cursor: { cursor?: string }) => Promise<{ rows: readonly Row[]; nextCursor: string | undefined }>,
): Promise<readonly Row[]> {
  const all: Row[] = [];
  for (let cursor: { cursor?: string } | undefined = {}; cursor;) {
    const { rows, nextCursor } = await read(cursor);
    all.push(...rows);
    cursor = nextCursor === undefined ? undefined : { cursor: nextCursor };
  }
  return all;
}

/** The ids of the orders whose invoice is on disk. Files that a killed worker left unfinished have another ending. */
async function readInvoices(directory: string): Promise<{ whole: readonly string[]; broken: readonly string[] }> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.pdf'));
  const whole: string[] = [];
  const broken: string[] = [];
  for (const file of files) {
    if (await isWholePdf(join(directory, file))) whole.push(file.slice(0, -'.pdf'.length));
    else broken.push(file);
  }
  return { whole, broken };
}

async function isWholePdf(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const content = await file.readFile('latin1');
    return content.startsWith('%PDF-') && content.trimEnd().endsWith('%%EOF');
  } finally {
    await file.close();
  }
}
