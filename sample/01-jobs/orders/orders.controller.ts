import { Body, Controller, Get, NotFoundException, Param, ParseUUIDPipe, Post, StreamableFile } from '@nestjs/common';
import { DispatchService } from '../../../lib/index.js';
import { InvoiceFiles } from '../invoices/invoice-files.js';
import { CreateOrderDto } from './create-order.dto.js';
import type { Order } from './order.entity.js';
import { OrdersService } from './orders.service.js';

/** An order with what its job is doing. */
export type OrderView = Order & {
  readonly job: { readonly state: string; readonly attempts: number; readonly errors: readonly string[] } | null;
};

@Controller('orders')
export class OrdersController {
  constructor(
    private readonly orders: OrdersService,
    private readonly dispatch: DispatchService,
    private readonly files: InvoiceFiles,
  ) {}

  @Post()
  place(@Body() input: CreateOrderDto): Promise<Order> {
    return this.orders.place(input);
  }

  @Get()
  latest(): Promise<Order[]> {
    return this.orders.latest();
  }

  @Get(':id')
  async show(@Param('id', ParseUUIDPipe) id: string): Promise<OrderView> {
    const order = await this.orders.find(id);
    if (!order) throw new NotFoundException(`there is no order ${id}`);
    const job = await this.dispatch.jobs.get(order.jobId);
    return Object.assign(order, {
      job: job && { state: job.state, attempts: job.attempt, errors: job.errors.map(({ message }) => message) },
    });
  }

  @Get(':id/invoice')
  async invoice(@Param('id', ParseUUIDPipe) id: string): Promise<StreamableFile> {
    const pdf = await this.files.read(id);
    if (!pdf) throw new NotFoundException(`there is no invoice of order ${id} yet`);
    return new StreamableFile(pdf, { type: 'application/pdf' });
  }
}
