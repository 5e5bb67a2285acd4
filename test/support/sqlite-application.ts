import { type DataSource, DataSource as TypeOrmDataSource, EntitySchema } from 'typeorm';

export interface Order {
  readonly id: number;
  readonly item: string;
}

/** A table of an application's own. */
export const OrderEntity = new EntitySchema<Order>({
  name: 'Order',
  tableName: 'orders',
  columns: { id: { type: Number, primary: true, generated: true }, item: { type: String } },
});

/** An application's DataSource on a SQLite file, with one entity and its table. */
export function openApplication(
  database: string,
  options: { readonly dropSchema?: boolean } = {},
): Promise<DataSource> {
  return new TypeOrmDataSource({
    type: 'better-sqlite3',
    database,
    entities: [OrderEntity],
    synchronize: true,
    ...options,
  }).initialize();
}
