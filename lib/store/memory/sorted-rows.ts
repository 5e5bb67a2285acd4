import { checkLimit, checkOffset, decodeCursor, encodeCursor } from '../cursor.js';

/** How the rows of a list are asked for. */
export interface PageRequest {
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
  readonly cursor?: string | undefined;
  readonly order: 'asc' | 'desc';
}

interface Entry<Row> {
  readonly at: number;
  row: Row;
}

/** Rows by id, and in the order of a time and the id. */
export class SortedRows<Row extends { readonly id: string }> {
  private readonly byId = new Map<string, Entry<Row>>();
  private sorted: Entry<Row>[] = [];
  private isSorted = true;

  /**
   * @param prefix of the rows' ids
   * @param timeOf the time that a row is sorted by; it must not change
   */
  constructor(
    private readonly prefix: string,
    private readonly timeOf: (row: Row) => number,
  ) {}

  has(id: string): boolean {
    return this.byId.has(id);
  }

  get(id: string): Row | undefined {
    return this.byId.get(id)?.row;
  }

  add(row: Row): void {
    const entry = { at: this.timeOf(row), row };
    const last = this.sorted.at(-1);
    if (last && compare(last, entry) > 0) this.isSorted = false;
    this.byId.set(row.id, entry);
    this.sorted.push(entry);
  }

  /** Puts `row` in the place of the one with its id and time. */
  update(row: Row): void {
    this.byId.get(row.id)!.row = row;
  }

  delete(id: string): void {
    this.byId.delete(id);
    // Those deleted stay in the list until they are half of it.
    if (this.sorted.length > 64 && this.sorted.length > this.byId.size * 2) {
      this.sorted = this.sorted.filter((entry) => this.isThere(entry));
    }
  }

  /** Every row, in no order. */
  *values(): IterableIterator<Row> {
    for (const { row } of this.byId.values()) yield row;
  }

  /**
   * One page of the rows that pass.
   *
   * @throws InvalidOptionsError for a bad limit, offset or cursor
   */
  page(request: PageRequest, passes: (row: Row) => boolean): { readonly rows: Row[]; readonly nextCursor?: string } {
    const limit = checkLimit(request.limit);
    let skip = checkOffset(request.offset);
    const step = request.order === 'asc' ? 1 : -1;
    const found: Entry<Row>[] = [];
    for (let index = this.start(request); index >= 0 && index < this.sorted.length; index += step) {
      const entry = this.sorted[index]!;
      if (!this.isThere(entry) || !passes(entry.row)) continue;
      if (skip > 0) skip -= 1;
      else if (found.push(entry) > limit) break;
    }
    const rows = found.slice(0, limit).map(({ row }) => row);
    const last = found[limit - 1];
    return found.length > limit && last
      ? { rows, nextCursor: encodeCursor({ at: last.at, id: last.row.id }) }
      : { rows };
  }

  /** The index of the first row of a page, before offset and filters. */
  private start({ cursor, order }: PageRequest): number {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, this.prefix);
    if (!this.isSorted) {
      this.sorted.sort(compare);
      this.isSorted = true;
    }
    if (!after) return order === 'asc' ? 0 : this.sorted.length - 1;
    const key = { at: after.at, row: { id: after.id } };
    if (order === 'asc') return this.countWhile((entry) => compare(entry, key) <= 0);
    return this.countWhile((entry) => compare(entry, key) < 0) - 1;
  }

  /** How many entries at the start pass, by bisection. */
  private countWhile(passes: (entry: Entry<Row>) => boolean): number {
    let [low, high] = [0, this.sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (passes(this.sorted[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private isThere(entry: Entry<Row>): boolean {
    return this.byId.get(entry.row.id) === entry;
  }
}

function compare(a: Entry<{ readonly id: string }>, b: Entry<{ readonly id: string }>): number {
  return a.at - b.at || (a.row.id < b.row.id ? -1 : a.row.id > b.row.id ? 1 : 0);
}
