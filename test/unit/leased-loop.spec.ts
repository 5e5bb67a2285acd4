import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import type { Claimed } from '../../lib/worker/leased-loop.js';
import { deferred } from '../support/deferred.js';
import { EMPTY, LoopUnderTest } from '../support/loop-under-test.js';

describe('claiming', () => {
  it('asks for all free slots at once and starts what it gets', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, started } = under;
    under.give('a', 'b');
    loop.start();
    await under.turn();
    expect(claims.map(({ free }) => free)).toEqual([3]);
    expect(started).toEqual(['a', 'b']);
    expect(loop.activeCount).toBe(2);
  });

  it('begins once, however often it is started', async () => {
    const under = new LoopUnderTest();
    const { loop, claims } = under;
    loop.start();
    loop.start();
    await under.turn();
    expect(claims).toHaveLength(1);
  });

  it('does not ask while every slot is taken, and asks when one is free', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, clock } = under;
    under.give('a', 'b', 'c');
    loop.start();
    await clock.advance('1m');
    expect(claims).toHaveLength(1);
    loop.kick();
    await clock.advance('1m');
    expect(claims).toHaveLength(1);
    loop.finished();
    await clock.advance(0);
    expect(claims.map(({ free }) => free)).toEqual([3, 1]);
  });

  it('makes one claim for items that are through in the same turn', async () => {
    const under = new LoopUnderTest();
    const { loop, claims } = under;
    under.give('a', 'b', 'c');
    loop.start();
    await under.turn();
    loop.finished();
    loop.finished();
    loop.finished();
    await under.turn();
    expect(claims.map(({ free }) => free)).toEqual([3, 3]);
  });

  it('asks again at once when items were through before the claim had started them all', async () => {
    const under = new LoopUnderTest();
    const { loop, claims } = under;
    under.onStart = () => loop.finished();
    under.give('a', 'b', 'c');
    loop.start();
    await under.turn();
    expect(claims.map(({ free }) => free)).toEqual([3, 3]);
    expect(loop.activeCount).toBe(0);
  });

  it('has one claim on its way at a time, and looks once more when it was kicked meanwhile', async () => {
    const under = new LoopUnderTest();
    const { loop, claims } = under;
    const gate = deferred<Claimed<string>>();
    under.answer(() => gate.promise);
    loop.start();
    await under.turn();
    loop.kick();
    loop.kick();
    await under.turn();
    expect(claims).toHaveLength(1);
    gate.resolve(EMPTY);
    await under.turn();
    expect(claims).toHaveLength(2);
  });

  it('goes on after an error, with a pause', async () => {
    const under = new LoopUnderTest();
    const { loop, errors, started, clock, claims } = under;
    under.answer(async () => Promise.reject(new Error('away')));
    under.give('a');
    loop.start();
    await clock.advance(0);
    expect(errors).toEqual([new Error('away')]);
    expect(claims).toHaveLength(1);
    await clock.advance(1_250);
    expect(started).toEqual(['a']);
  });

  it('runs outside the context of whoever kicked it', async () => {
    const storage = new AsyncLocalStorage<string>();
    const under = new LoopUnderTest();
    const { loop, clock } = under;
    const seen: (string | undefined)[] = [];
    const look = async (): Promise<Claimed<string>> => {
      seen.push(storage.getStore());
      return { items: [], nextDueInMs: 50 };
    };
    under.answer(look, look);
    storage.run('a request', () => loop.start());
    await under.turn();
    await clock.advance(50);
    expect(seen).toEqual([undefined, undefined]);
  });
});

describe('an idle loop', () => {
  const pausesOf = (claims: readonly { readonly at: number }[]): number[] =>
    claims.slice(1).map(({ at }, index) => at - claims[index]!.at);

  it('looks less and less often, from a second to thirty, each time a quarter more or less', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, clock } = under;
    loop.start();
    await clock.advance('10m');
    const pauses = pausesOf(claims);
    pauses.forEach((pause, index) => {
      const middle = Math.min(30_000, 1_000 * 2 ** index);
      expect(pause).toBeGreaterThanOrEqual(middle * 0.75);
      expect(pause).toBeLessThanOrEqual(middle * 1.25);
    });
    expect(pauses.length).toBeGreaterThan(15);
    expect(new Set(pauses.slice(6)).size).toBeGreaterThan(3);
  });

  it('looks at once when it is kicked, and often again afterwards', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, clock } = under;
    loop.start();
    await clock.advance('10m');
    const before = claims.length;
    const at = clock.now();
    loop.kick();
    await clock.advance(1_250);
    expect(claims.slice(before).map((claim) => claim.at)[0]).toBe(at);
    expect(claims.length - before).toBe(2);
  });

  it('looks when it was told that work would come', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, clock } = under;
    loop.start();
    await clock.advance('10m');
    const before = claims.length;
    const at = clock.now();
    loop.kickIn(200);
    loop.kickIn(300);
    loop.kickIn(100);
    await clock.advance(150);
    expect(claims.slice(before)).toEqual([{ free: 3, at: at + 100 }]);
    loop.kickIn(0);
    loop.kickIn(-5);
    await clock.advance(0);
    expect(claims.at(-1)!.at).toBe(at + 150);
  });

  it('looks no later for being told of work that is far away', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, clock } = under;
    loop.start();
    await clock.advance(0);
    loop.kickIn(60 * 86_400_000);
    await clock.advance(1_250);
    expect(claims).toHaveLength(2);
  });

  it('sleeps until the next item is due', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, clock } = under;
    under.answer(async () => ({ items: [], nextDueInMs: 123 }));
    loop.start();
    await clock.advance(123);
    expect(claims.map(({ at }) => at)).toEqual([0, 123]);
  });

  it('polls though the next item is due much later', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, clock } = under;
    under.answer(async () => ({ items: [], nextDueInMs: 3_600_000 }));
    loop.start();
    await clock.advance(1_250);
    expect(claims).toHaveLength(2);
  });

  it('waits a random moment for an item that is due but held by somebody else, longer while that lasts', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, clock } = under;
    under.always = async () => ({ items: [], nextDueInMs: 0 });
    loop.start();
    await clock.advance('20s');
    const pauses = pausesOf(claims);
    expect(pauses[0]).toBeLessThanOrEqual(40);
    expect(pauses.every((pause) => pause >= 1 && pause <= 1_280)).toBe(true);
    expect(Math.max(...pauses)).toBeGreaterThan(200);
    expect(new Set(pauses).size).toBeGreaterThan(5);
  });

  it('never sleeps past the moment at which it meant to wake', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, clock } = under;
    under.answer(async () => ({ items: [], nextDueInMs: 100 }));
    loop.start();
    await clock.advance(50);
    loop.kick();
    await clock.advance(50);
    expect(claims.map(({ at }) => at)).toEqual([0, 50, 100]);
  });
});
