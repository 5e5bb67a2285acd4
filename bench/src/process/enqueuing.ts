import { setTimeout as delay } from 'node:timers/promises';
import type { NewJob, Peer } from '../peers/peer.ts';
import type { Argument, JobRange } from './protocol.ts';

/** Enqueues by one call a job, so many calls at a time. @returns seconds */
export async function enqueueEach(peer: Peer, range: JobRange & { readonly inFlight: number }): Promise<number> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < range.count) await peer.enqueue(toJob(range, next++));
  };
  const startedAt = process.hrtime.bigint();
  await Promise.all(Array.from({ length: range.inFlight }, caller));
  return secondsSince(startedAt);
}

/** Enqueues by the peer's call for many, one call after the other. @returns seconds */
export async function enqueueBulk(peer: Peer, bulk: number, range: JobRange): Promise<number> {
  const startedAt = process.hrtime.bigint();
  for (let at = 0; at < range.count; at += bulk) {
    const length = Math.min(bulk, range.count - at);
    await peer.enqueueMany(Array.from({ length }, (_, index) => toJob(range, at + index)));
  }
  return secondsSince(startedAt);
}

/** Enqueues jobs that carry the time, one at a time, at moments that follow no beat. */
export async function probe(peer: Peer, { from = 0, samples, gapMs }: Argument<'probe'>): Promise<void> {
  for (let n = 0; n < samples; n++) {
    await delay(gapMs * (0.5 + Math.random()));
    await peer.enqueue({ payload: { n: from + n, at: String(process.hrtime.bigint()) } });
  }
}

/** Enqueues for a time. @param handled how many jobs all workers have handled @returns how many jobs */
export async function produce(peer: Peer, plan: Argument<'produce'>, handled: () => number): Promise<number> {
  const startedAt = process.hrtime.bigint();
  let sent = 0;
  const rate = plan.rate ?? Number.POSITIVE_INFINITY;
  const mayGoOn = () => sent - handled() < plan.limit && sent < secondsSince(startedAt) * rate + 1;
  const caller = async (): Promise<void> => {
    while (secondsSince(startedAt) < plan.seconds) {
      if (!mayGoOn()) await delay(2);
      else if (plan.mode === 'each') await peer.enqueue({ payload: { n: sent++ } });
      else {
        const from = sent;
        sent += plan.chunk;
        await peer.enqueueMany(Array.from({ length: plan.chunk }, (_, index) => ({ payload: { n: from + index } })));
      }
    }
  };
  await Promise.all(Array.from({ length: plan.mode === 'each' ? plan.inFlight : 1 }, caller));
  return sent;
}

function toJob({ from, deferred, failEvery }: JobRange, index: number): NewJob {
  const fail = failEvery !== undefined && (index + 1) % failEvery === 0;
  return {
    payload: fail ? { n: from + index, fail } : { n: from + index },
    ...(deferred ? { deferred } : {}),
    ...(failEvery === undefined ? {} : { once: true }),
  };
}

function secondsSince(at: bigint): number {
  return Number(process.hrtime.bigint() - at) / 1e9;
}
