import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions, getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { DispatchModule } from '../../lib/index.js';
import { FailureListener } from './failures/failure-listener.js';
import { FailuresController } from './failures/failures.controller.js';
import { InvoiceFiles } from './invoices/invoice-files.js';
import { InvoiceService } from './invoices/invoice.service.js';
import { MailClient } from './invoices/mail-client.js';
import { Order } from './orders/order.entity.js';
import { OrdersController } from './orders/orders.controller.js';
import { OrdersService } from './orders/orders.service.js';
import { type Settings, invoiceDirOf } from './settings.js';

/** The whole sample: orders over HTTP, and the jobs that render and mail their invoices. */
@Module({})
export class AppModule {
  static forRoot(settings: Settings): DynamicModule {
    const { concurrency, lease, heartbeat } = settings;
    mkdirSync(invoiceDirOf(settings), { recursive: true });
    return {
      module: AppModule,
      imports: [
        TypeOrmModule.forRoot(databaseOptions(settings)),
        TypeOrmModule.forFeature([Order]),
        // The jobs live in the application's own database, so that an order and its job commit together.
        DispatchModule.forRootAsync({
          inject: [getDataSourceToken()],
          useFactory: (dataSource: DataSource) => ({ store: { dataSource }, concurrency, lease, heartbeat }),
        }),
      ],
      controllers: [OrdersController, FailuresController],
      providers: [
        OrdersService,
        InvoiceService,
        FailureListener,
        { provide: InvoiceFiles, useFactory: () => new InvoiceFiles(invoiceDirOf(settings)) },
        { provide: MailClient, useFactory: () => new MailClient(settings.mailUrl) },
      ],
    };
  }
}

function databaseOptions({ databaseUrl, dataDir, createTables }: Settings): TypeOrmModuleOptions {
  // An application in production has migrations in place of `synchronize`.
  const common = { entities: [Order], synchronize: createTables };
  return databaseUrl
    ? { ...common, type: 'postgres', url: databaseUrl }
    : { ...common, type: 'better-sqlite3', database: join(dataDir, 'app.db') };
}
