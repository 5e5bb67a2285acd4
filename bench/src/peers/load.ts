import type { PeerName } from './names.ts';
import type { PeerFactory } from './peer.ts';

/** Loads one peer's package and no other: what a process holds in memory is measured too. */
export async function loadPeer(name: PeerName): Promise<PeerFactory> {
  switch (name) {
    case 'graphile-worker':
      return (await import('./graphile-worker.ts')).graphileWorker;
    case 'pg-boss':
      return (await import('./pg-boss.ts')).pgBoss;
    case 'bullmq-redis':
    case 'bullmq-postgres':
      return (await import('./bullmq.ts')).bullmqOn(name === 'bullmq-redis' ? 'redis' : 'postgres');
    case 'dispatch-postgres':
    case 'dispatch-sqlite':
    case 'dispatch-memory':
      return (await import('./dispatch.ts')).dispatchOn(kindOf(name));
  }
}

function kindOf(name: 'dispatch-postgres' | 'dispatch-sqlite' | 'dispatch-memory'): 'postgres' | 'sqlite' | 'memory' {
  if (name === 'dispatch-postgres') return 'postgres';
  return name === 'dispatch-sqlite' ? 'sqlite' : 'memory';
}
