import { describe, expect, it } from 'vitest';
import type { Claimed } from '../../lib/worker/leased-loop.js';
import { deferred } from '../support/deferred.js';
import { LoopUnderTest } from '../support/loop-under-test.js';

describe('holding back', () => {
  it('claims nothing while it is asked to', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, clock } = under;
    under.paused = true;
    loop.start();
    await clock.advance('1m');
    loop.kick();
    await clock.advance('1m');
    expect(claims).toEqual([]);
  });

  it('ends by itself when the reason is gone, though nobody kicks and nothing is under way', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, started, clock } = under;
    under.give('a', 'b', 'c');
    loop.start();
    await clock.advance(0);
    under.paused = true;
    for (let i = 0; i < 3; i++) loop.finished();
    await clock.advance('1m');
    expect(claims).toHaveLength(1);
    under.paused = false;
    under.give('d');
    await clock.advance(1_000);
    expect(started).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('stopping', () => {
  it('waits for a claim in flight, whose items are started', async () => {
    const under = new LoopUnderTest();
    const { loop, started } = under;
    const gate = deferred<Claimed<string>>();
    under.answer(() => gate.promise);
    loop.start();
    await under.turn();
    let stopped = false;
    const stopping = loop.stopClaiming().then(() => (stopped = true));
    await under.turn();
    expect(stopped).toBe(false);
    gate.resolve({ items: ['a'], nextDueInMs: null });
    await stopping;
    expect(started).toEqual(['a']);
    expect(loop.activeCount).toBe(1);
  });

  it('does not make a claim that had not begun', async () => {
    const under = new LoopUnderTest();
    const { loop, claims } = under;
    loop.start();
    await loop.stopClaiming();
    await under.turn();
    expect(claims).toEqual([]);
  });

  it('leaves no timer, and nothing wakes it', async () => {
    const under = new LoopUnderTest();
    const { loop, claims, clock } = under;
    loop.start();
    await clock.advance(0);
    await loop.stopClaiming();
    expect(clock.pendingTimers).toBe(0);
    loop.kick();
    loop.kickIn(0);
    loop.kickIn(10);
    await clock.advance('1h');
    expect(claims).toHaveLength(1);
  });

  it('claims nothing when its last items are through', async () => {
    const under = new LoopUnderTest();
    const { loop, claims } = under;
    under.give('a', 'b');
    loop.start();
    await under.turn();
    await loop.stopClaiming();
    let idle = false;
    const waiting = loop.idle().then(() => (idle = true));
    loop.finished();
    await under.turn();
    expect(idle).toBe(false);
    loop.finished();
    await waiting;
    await loop.idle();
    expect(claims).toHaveLength(1);
  });

  it('can be undone', async () => {
    const under = new LoopUnderTest();
    const { loop, claims } = under;
    loop.start();
    await under.turn();
    await loop.stopClaiming();
    loop.start();
    await under.turn();
    expect(claims).toHaveLength(2);
  });
});
