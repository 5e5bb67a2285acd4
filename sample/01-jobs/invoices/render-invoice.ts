import { IsUUID } from 'class-validator';
import { defineJob } from '../../../lib/index.js';

/** What the job needs to know: the order stays in the database. */
export class RenderInvoice {
  @IsUUID()
  orderId!: string;
}

/** What the job returns. */
export interface RenderedInvoice {
  readonly file: string;
  readonly bytes: number;
}

/** Renders the invoice of an order and mails it. Who enqueues it needs this definition, and no handler. */
export const renderInvoice = defineJob<RenderInvoice, RenderedInvoice>('render-invoice', {
  payload: RenderInvoice,
  maxRetries: 8,
  timeout: '30s',
  backoff: { type: 'exponential', initial: 200, max: 500 },
});
