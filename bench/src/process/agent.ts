// A process of the benchmark: works with one peer, as its parent says, and knows nothing of what is measured.
import { loadPeer } from '../peers/load.ts';
import type { Peer, PeerFactory, WorkFor } from '../peers/peer.ts';
import { enqueueBulk, enqueueEach, probe, produce } from './enqueuing.ts';
import { HandledJobs } from './handled-jobs.ts';
import type { Answer, Argument, CallName, Reply, Request } from './protocol.ts';

type Implementation = { readonly [Name in CallName]: (argument: Argument<Name>) => Promise<Answer<Name>> };

let handledByAll = 0;
let factory: PeerFactory;
let peer: Peer;
let purpose: WorkFor;
let jobs: HandledJobs | undefined;

const tell = (reply: Reply): void => void process.send?.(reply);

const calls: Implementation = {
  async open(spec) {
    ({ purpose } = spec);
    factory = await loadPeer(spec.peer);
    const config = factory.config(purpose, spec.overrides);
    peer = await factory.create(spec.place, config);
    return { config };
  },
  prepare: () => peer.prepare(),
  enqueueEach: (range) => enqueueEach(peer, range),
  enqueueBulk: (range) => enqueueBulk(peer, factory.bulk, range),
  produce: (plan) => produce(peer, plan, () => handledByAll),
  probe: (plan) => probe(peer, plan),
  async work({ total }) {
    jobs = new HandledJobs(total, purpose, tell);
    await peer.work(purpose, jobs.handle);
  },
  stopWork: () => peer.stopWork(),
  async openJobs() {
    const askedAt = String(process.hrtime.bigint());
    return { open: await peer.open(), askedAt };
  },
  ended: () => peer.ended(),
  seen: async () => jobs?.seen() ?? '',
  latencies: async () => jobs?.latencies ?? [],
  async usage() {
    const { user, system } = process.cpuUsage();
    return { cpuUs: user + system, peakRssBytes: process.resourceUsage().maxRSS * 1024 };
  },
  close: () => peer.close(),
};

async function answer({ id, call, argument }: Extract<Request, { readonly kind: 'call' }>): Promise<void> {
  try {
    const implementation = calls[call] as (argument: unknown) => Promise<unknown>;
    tell({ kind: 'answer', id, value: await implementation(argument) });
  } catch (error) {
    tell({ kind: 'error', id, message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

process.on('message', (request: Request) => {
  if (request.kind === 'handled') handledByAll = request.total;
  else void answer(request);
});
// The harness is gone: there is nobody left to work for.
process.on('disconnect', () => process.exit(0));
// An interrupt goes to the whole terminal; the harness closes its processes in order.
process.on('SIGINT', () => undefined);
