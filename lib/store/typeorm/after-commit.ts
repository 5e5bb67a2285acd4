import type { DataSource, EntitySubscriberInterface, QueryRunner } from 'typeorm';

type Callback = () => void;

interface Waiting {
  readonly callback: Callback;
  /** How deep in savepoints it was added; 1 is the transaction itself. */
  readonly depth: number;
}

/** Callbacks that wait for the end of a query runner's outermost transaction. */
class AfterCommitQueue {
  /** Weakly: the end of a transaction whose connection died is never told. */
  private readonly waiting = new WeakMap<QueryRunner, Waiting[]>();

  // TypeORM calls its subscribers after savepoints too: only the outermost end leaves the runner inactive.
  private readonly subscriber: EntitySubscriberInterface = {
    afterTransactionCommit: ({ queryRunner }) => {
      if (queryRunner.isTransactionActive) this.release(queryRunner);
      else for (const { callback } of this.take(queryRunner)) callback();
    },
    afterTransactionRollback: ({ queryRunner }) => {
      if (queryRunner.isTransactionActive) this.dropDeeper(queryRunner);
      else this.take(queryRunner);
    },
  };

  constructor(private readonly dataSource: DataSource) {}

  add(runner: QueryRunner, callback: Callback): void {
    // A DataSource that is destroyed and initialized again has forgotten us.
    const { subscribers } = this.dataSource;
    if (!subscribers.includes(this.subscriber)) subscribers.push(this.subscriber);
    const one = { callback, depth: depthOf(runner) };
    const callbacks = this.waiting.get(runner);
    if (callbacks) callbacks.push(one);
    else this.waiting.set(runner, [one]);
  }

  /** A savepoint was released: what it added is now its parent's. */
  private release(runner: QueryRunner): void {
    const depth = depthOf(runner);
    const callbacks = this.of(runner).map((one) => ({ ...one, depth: Math.min(one.depth, depth) }));
    if (callbacks.length > 0) this.waiting.set(runner, callbacks);
  }

  /** A savepoint was rolled back, with what it added. */
  private dropDeeper(runner: QueryRunner): void {
    const depth = depthOf(runner);
    const callbacks = this.of(runner).filter((one) => one.depth <= depth);
    if (callbacks.length > 0) this.waiting.set(runner, callbacks);
    else this.waiting.delete(runner);
  }

  private take(runner: QueryRunner): readonly Waiting[] {
    const callbacks = this.of(runner);
    this.waiting.delete(runner);
    return callbacks;
  }

  private of(runner: QueryRunner): readonly Waiting[] {
    return this.waiting.get(runner) ?? [];
  }
}

/** TypeORM keeps it protected; it is counted down before the subscribers of an end are called. */
function depthOf(runner: QueryRunner): number {
  return (runner as unknown as { readonly transactionDepth: number }).transactionDepth;
}

const queues = new WeakMap<DataSource, AfterCommitQueue>();

/**
 * Runs `callback` once the outermost transaction of a query runner has committed; never when it, or the savepoint
 * that the callback was added in, rolls back. The callback must not throw.
 */
export function afterCommit(dataSource: DataSource, runner: QueryRunner, callback: Callback): void {
  let queue = queues.get(dataSource);
  if (!queue) {
    queue = new AfterCommitQueue(dataSource);
    queues.set(dataSource, queue);
  }
  queue.add(runner, callback);
}
