import PDFDocument from 'pdfkit';
import { NonRetryableError } from '../../../lib/index.js';
import type { Order } from '../orders/order.entity.js';

const LOCALES: Readonly<Record<string, string>> = { EUR: 'de-DE', USD: 'en-US', GBP: 'en-GB', CHF: 'de-CH' };
const VAT_PERCENT = 20;

/**
 * Renders an order as a PDF of one page.
 *
 * @throws NonRetryableError when there is no template for the currency: another try would end the same way
 */
export async function renderInvoicePdf(order: Order): Promise<Buffer> {
  const locale = LOCALES[order.currency];
  if (!locale) throw new NonRetryableError(`there is no invoice template for the currency ${order.currency}`);
  // The standard fonts know no narrow no-break space, which some locales put between digits.
  const format = new Intl.NumberFormat(locale, { style: 'currency', currency: order.currency });
  const money = (cents: number) => format.format(cents / 100).replace(/[\u202f\u00a0]/g, ' ');

  const net = order.quantity * order.unitPriceCents;
  const vat = Math.round((net * VAT_PERCENT) / 100);
  const document = new PDFDocument({ size: 'A4', margin: 56, info: { Title: `Invoice ${order.reference}` } });
  const pdf = collect(document);
  document.fontSize(22).text('Invoice').moveDown(0.5);
  document.fontSize(11).text(`Order ${order.reference}`).text(order.customer).text(order.email).moveDown(2);
  document.text(`${order.quantity} x ${order.item}, ${money(order.unitPriceCents)} each`).moveDown();
  for (const [label, cents] of [
    ['Net', net],
    [`VAT ${VAT_PERCENT} %`, vat],
    ['Total', net + vat],
  ] as const) {
    document.text(label, { continued: true }).text(money(cents), { align: 'right' });
  }
  document.end();
  return pdf;
}

async function collect(document: PDFKit.PDFDocument): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of document as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
