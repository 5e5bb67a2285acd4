import { Injectable } from '@nestjs/common';
import { Ctx, Job, type JobContext, NonRetryableError, Payload } from '../../../lib/index.js';
import { OrdersService } from '../orders/orders.service.js';
import { InvoiceFiles } from './invoice-files.js';
import { renderInvoicePdf } from './invoice-pdf.js';
import { MailClient } from './mail-client.js';
import { RenderInvoice, type RenderedInvoice, renderInvoice } from './render-invoice.js';

/** Turns orders into invoices. */
@Injectable()
export class InvoiceService {
  constructor(
    private readonly orders: OrdersService,
    private readonly mail: MailClient,
    private readonly files: InvoiceFiles,
  ) {}

  /**
   * Renders, mails, then files the invoice: one on disk is one that was sent. It may run more than once for an order,
   * when a call fails or its process dies, and still does its work once: the gateway knows the idempotency key, and
   * the file has the order's name.
   */
  @Job(renderInvoice)
  async render(@Payload() { orderId }: RenderInvoice, @Ctx() ctx: JobContext<RenderInvoice>): Promise<RenderedInvoice> {
    const order = await this.orders.find(orderId);
    if (!order) throw new NonRetryableError('the order is gone');
    const pdf = await renderInvoicePdf(order);
    await this.mail.send(
      { to: order.email, subject: `Invoice for order ${order.reference}`, pdf },
      { idempotencyKey: ctx.idempotencyKey, signal: ctx.signal },
    );
    const file = await this.files.save(order.id, pdf);
    return { file, bytes: pdf.length };
  }
}
