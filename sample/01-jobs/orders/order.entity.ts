import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** An order as it was placed. */
@Entity('orders')
export class Order {
  @PrimaryColumn('varchar', { length: 36 })
  id!: string;

  /** The number that the customer knows. */
  @Column('varchar')
  reference!: string;

  @Column('varchar')
  customer!: string;

  @Column('varchar')
  email!: string;

  /** ISO 4217. */
  @Column('varchar', { length: 3 })
  currency!: string;

  @Column('varchar')
  item!: string;

  @Column('integer')
  quantity!: number;

  /** In hundredths of the currency. */
  @Column('integer')
  unitPriceCents!: number;

  /** The job that renders the invoice. */
  @Column('varchar')
  jobId!: string;

  /** Why there will be no invoice, once that is certain. */
  @Column('varchar', { nullable: true })
  problem!: string | null;

  @CreateDateColumn()
  createdAt!: Date;
}
