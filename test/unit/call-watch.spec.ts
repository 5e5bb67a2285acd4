import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CallWatch } from '../../lib/store/typeorm/postgres/call-watch.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function connection(): { readonly destroyed: (Error | undefined)[]; readonly connection: object } {
  const destroyed: (Error | undefined)[] = [];
  return { destroyed, connection: { stream: { destroy: (error?: Error) => void destroyed.push(error) } } };
}

describe('the watch over calls', () => {
  it('cuts a connection whose call has no answer in time, once, with an error that says so', () => {
    const watch = new CallWatch(5_000);
    const client = connection();
    watch.of(client).begin();
    vi.advanceTimersByTime(4_999);
    expect(client.destroyed).toEqual([]);
    vi.advanceTimersByTime(20_000);
    expect(client.destroyed).toMatchObject([{ code: 'ETIMEDOUT' }]);
  });

  it('leaves connections alone that answered, and gives the next call its own time', () => {
    const watch = new CallWatch(5_000);
    const [quick, slow] = [connection(), connection()];
    const calls = watch.of(quick);
    calls.begin();
    vi.advanceTimersByTime(4_000);
    calls.end();
    calls.begin();
    watch.of(slow).begin(60_000);
    vi.advanceTimersByTime(4_000);
    calls.end();
    vi.advanceTimersByTime(51_000);
    expect([quick.destroyed, slow.destroyed]).toEqual([[], []]);
    vi.advanceTimersByTime(6_000);
    expect([quick.destroyed.length, slow.destroyed.length]).toEqual([0, 1]);
  });

  it('has no timer while nothing is under way, and none for a connection that is gone', () => {
    const watch = new CallWatch(5_000);
    const client = connection();
    const calls = watch.of(client);
    calls.begin();
    calls.end();
    vi.advanceTimersByTime(5_000);
    expect(vi.getTimerCount()).toBe(0);
    calls.begin();
    watch.forget(client);
    vi.advanceTimersByTime(10_000);
    expect(client.destroyed).toEqual([]);
    calls.begin();
    watch.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
