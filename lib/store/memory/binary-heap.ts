/** A queue that hands out its least item first. Adding and taking cost the logarithm of its size. */
export class BinaryHeap<Item> {
  private items: Item[] = [];

  /** @param before whether the first item comes before the second */
  constructor(private readonly before: (a: Item, b: Item) => boolean) {}

  get size(): number {
    return this.items.length;
  }

  /** The least item; `undefined` when there is none. */
  peek(): Item | undefined {
    return this.items[0];
  }

  push(item: Item): void {
    this.items.push(item);
    this.rise(this.items.length - 1);
  }

  /** Takes the least item out. */
  pop(): Item | undefined {
    const first = this.items[0];
    const last = this.items.pop();
    if (this.items.length > 0) {
      this.items[0] = last!;
      this.sink(0);
    }
    return first;
  }

  /** Keeps only the items that pass, in linear time. */
  filter(keep: (item: Item) => boolean): void {
    this.items = this.items.filter(keep);
    for (let index = (this.items.length >> 1) - 1; index >= 0; index--) this.sink(index);
  }

  private rise(index: number): void {
    const { items } = this;
    const item = items[index]!;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.before(item, items[parent]!)) break;
      items[index] = items[parent]!;
      index = parent;
    }
    items[index] = item;
  }

  private sink(index: number): void {
    const { items } = this;
    const item = items[index]!;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.before(items[child + 1]!, items[child]!)) child += 1;
      if (!this.before(items[child]!, item)) break;
      items[index] = items[child]!;
      index = child;
    }
    items[index] = item;
  }
}
