import { Injectable, Logger } from '@nestjs/common';
import type { JobFailure } from '../../../lib/index.js';
import { OnJobFailed } from '../../../lib/index.js';
import { type RenderInvoice, renderInvoice } from '../invoices/render-invoice.js';
import { OrdersService } from '../orders/orders.service.js';

/** Hears of invoices that failed for good. */
@Injectable()
export class FailureListener {
  private readonly logger = new Logger('Invoices');

  constructor(private readonly orders: OrdersService) {}

  /** Called at most once, on the node that ran the job; the dead-letter queue is what never misses one. */
  @OnJobFailed(renderInvoice)
  async onFailed({ job, error }: JobFailure): Promise<void> {
    const { orderId } = job.payload as RenderInvoice;
    this.logger.error(`order ${orderId} gets no invoice: ${error.message}`);
    await this.orders.markFailed(orderId, error.message);
  }
}
