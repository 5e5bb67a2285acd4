/** Every peer, ours first. */
export const PEER_NAMES = [
  'dispatch-postgres',
  'dispatch-sqlite',
  'dispatch-memory',
  'graphile-worker',
  'pg-boss',
  'bullmq-redis',
  'bullmq-postgres',
] as const;

export type PeerName = (typeof PEER_NAMES)[number];

/** What a peer keeps its jobs in. */
export type ServerKind = 'postgres' | 'redis' | 'file' | 'process';

export const SERVER_OF: Readonly<Record<PeerName, ServerKind>> = {
  'dispatch-postgres': 'postgres',
  'dispatch-sqlite': 'file',
  'dispatch-memory': 'process',
  'graphile-worker': 'postgres',
  'pg-boss': 'postgres',
  'bullmq-redis': 'redis',
  'bullmq-postgres': 'postgres',
};

/** Compared with, where it takes part. */
export const YARDSTICK: PeerName = 'graphile-worker';

export const isOurs = (peer: PeerName): boolean => peer.startsWith('dispatch-');
