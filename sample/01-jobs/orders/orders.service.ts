import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { DispatchService } from '../../../lib/index.js';
import { renderInvoice } from '../invoices/render-invoice.js';
import type { CreateOrderDto } from './create-order.dto.js';
import { Order } from './order.entity.js';

/** Places orders and looks them up. */
@Injectable()
export class OrdersService {
  constructor(
    private readonly dispatch: DispatchService,
    @InjectRepository(Order) private readonly orders: Repository<Order>,
  ) {}

  /**
   * Stores an order and enqueues its invoice in one transaction: either both are there, or neither.
   * `dispatch.transaction` makes callers take turns on SQLite, where TypeORM has one connection for all of them.
   */
  async place(input: CreateOrderDto): Promise<Order> {
    return this.dispatch.transaction(async (manager: EntityManager) => {
      const id = randomUUID();
      const job = await this.dispatch.enqueue(renderInvoice, { orderId: id }, { manager, uniqueKey: id });
      const order = Object.assign(manager.create(Order, input), { id, jobId: job.id, problem: null });
      await manager.insert(Order, order);
      return order;
    });
  }

  find(id: string): Promise<Order | null> {
    return this.orders.findOneBy({ id });
  }

  /** The newest orders, at most 20. */
  latest(): Promise<Order[]> {
    return this.orders.find({ order: { createdAt: 'DESC', jobId: 'DESC' }, take: 20 });
  }

  /** Notes why an order will get no invoice. */
  async markFailed(id: string, problem: string): Promise<void> {
    await this.dispatch.transaction((manager: EntityManager) => manager.update(Order, { id }, { problem }));
  }
}
