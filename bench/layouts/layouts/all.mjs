import { blockLease } from './block-lease.mjs';
import { factsFinish } from './facts-finish.mjs';
import { moved } from './moved.mjs';
import { mutable } from './mutable.mjs';
import { thinLive, thinLiveHot } from './thin-live.mjs';
import { leasesByWorker, nameInKey, readyById, readyLeases, walking } from './ready-leases.mjs';
import { byCtid, full, half, noWorkerIndex, turns } from './thin-live-variants.mjs';
import { thinMove } from './thin-move.mjs';

/** In the order in which one repetition runs them. */
export const LAYOUTS = [mutable, thinMove, thinLive, thinLiveHot, moved, blockLease, readyLeases, walking, factsFinish];

/** Looked at with --only scenario/key alone. */
export const VARIANTS = [nameInKey, readyById, leasesByWorker, noWorkerIndex, turns, byCtid, full, half];
