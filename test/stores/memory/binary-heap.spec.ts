import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BinaryHeap } from '../../../lib/store/memory/binary-heap.js';

describe('BinaryHeap', () => {
  it('hands out what was put in, least first, whatever was taken out between', () => {
    const command = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constantFrom('pop' as const, 'odd' as const));
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const heap = new BinaryHeap<number>((a, b) => a < b);
        let model: number[] = [];
        for (const item of commands) {
          if (item === 'pop') {
            expect(heap.peek()).toBe(model[0]);
            expect(heap.pop()).toBe(model.shift());
          } else if (item === 'odd') {
            heap.filter((value) => value % 2 === 1);
            model = model.filter((value) => value % 2 === 1);
          } else {
            heap.push(item);
            model = [...model, item].sort((a, b) => a - b);
          }
          expect(heap.size).toBe(model.length);
        }
        while (heap.size > 0) expect(heap.pop()).toBe(model.shift());
      }),
    );
  });

  it('is empty at first', () => {
    const heap = new BinaryHeap<number>((a, b) => a < b);
    expect([heap.size, heap.peek(), heap.pop()]).toEqual([0, undefined, undefined]);
  });
});
