import { DataSource } from 'typeorm';
import { OrderEntity } from './sqlite-application.js';

/** An application's DataSource on a PostgreSQL database, with one entity and its table. */
export function openPostgresApplication(
  url: string,
  options: { readonly dropSchema?: boolean } = {},
): Promise<DataSource> {
  return new DataSource({ type: 'postgres', url, entities: [OrderEntity], synchronize: true, ...options }).initialize();
}
