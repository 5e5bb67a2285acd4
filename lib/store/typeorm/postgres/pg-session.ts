import { createHash } from 'node:crypto';
import type { Clock } from '../../../clock/clock.js';
import type { ConnectionWatch } from './call-watch.js';

/** A statement of ours. Its name says what it is; its text decides under which name it is prepared. */
export interface Statement {
  readonly text: string;
  readonly preparedName: string;
}

interface QueryResult {
  readonly rows: unknown[][];
  readonly rowCount: number | null;
}

/** The part of `pg`'s clients that is used here. */
export interface Queryable {
  query(config: object, callback: (error: Error | null, result: QueryResult) => void): void;
}

/**
 * A statement with a name that follows from its text, so that two versions of the library on one connection never
 * meet under one name.
 *
 * @param label a short word for reading logs of the server
 */
export function statement(label: string, text: string): Statement {
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 16);
  return { text, preparedName: `dispatch_${label}_${hash}` };
}

const INT8 = 20;
const INT4 = 23;
const INT2 = 21;
const BOOL = 16;
const TEXT_ARRAY = 1009;

const asIs = (text: string): unknown => text;

/** How columns are read here, whatever parsers the application has registered with `pg`. */
const types = {
  getTypeParser: (oid: number): ((text: string) => unknown) => {
    if (oid === INT8 || oid === INT4 || oid === INT2) return Number;
    if (oid === BOOL) return (text) => text === 't';
    if (oid === TEXT_ARRAY) return parseTextArray;
    return asIs;
  },
};

/** A text[] in the server's output form, without null elements and with one dimension. */
function parseTextArray(text: string): string[] {
  const items: string[] = [];
  const pattern = /"((?:[^"\\]|\\.)*)"|([^{},"]+)/gs;
  for (const [, quoted, bare] of text.matchAll(pattern)) {
    items.push(quoted === undefined ? bare! : quoted.replace(/\\(.)/gs, '$1'));
  }
  return items;
}

/** Runs statements on a connection, and binds the time of a test clock. */
export class PgSession {
  constructor(
    private readonly target: Queryable,
    private readonly options: {
      readonly clock: Clock | null;
      readonly prepare: boolean;
      readonly watch?: ConnectionWatch | undefined;
    },
  ) {}

  /** What statements take as their first parameter: a test clock's time, or `null` for the database's own. */
  get now(): number | null {
    return this.options.clock?.now() ?? null;
  }

  /** Rows as arrays of columns. */
  async rows<Row extends readonly unknown[]>(
    { text, preparedName }: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const name = this.options.prepare ? { name: preparedName } : {};
    const { rows } = await this.query({ text, values, rowMode: 'array', types, ...name });
    return rows as unknown as Row[];
  }

  /** The first row, if there is one. */
  async row<Row extends readonly unknown[]>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row | undefined> {
    return (await this.rows<Row>(statement, values))[0];
  }

  /** How many rows a statement wrote. */
  async count({ text, preparedName }: Statement, values: readonly unknown[]): Promise<number> {
    const name = this.options.prepare ? { name: preparedName } : {};
    const { rowCount } = await this.query({ text, values, types, ...name });
    return rowCount ?? 0;
  }

  /** A command without parameters, such as BEGIN or a migration. @param timeoutMs instead of the usual time */
  async command(text: string, timeoutMs?: number): Promise<void> {
    await this.query({ text }, timeoutMs);
  }

  /*
   * By callback: the promises that `pg` makes hang together, and the garbage collector's quick passes take every result for one
   * that is still in use (heap of a loop of queries 144 MB, with callbacks 25 MB; Node 24, 2026-11-26).
   */
  private query(config: object, timeoutMs?: number): Promise<QueryResult> {
    const { watch } = this.options;
    watch?.begin(timeoutMs);
    return new Promise((resolve, reject) => {
      this.target.query(config, (error, result) => {
        watch?.end();
        if (error) reject(error);
        else resolve(result);
      });
    });
  }
}
