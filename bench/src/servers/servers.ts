import { type PeerName, SERVER_OF, type ServerKind } from '../peers/names.ts';
import { bootPostgres } from './postgres.ts';
import { NO_REDIS, bootRedis, findRedis } from './redis.ts';
import type { Server } from './server.ts';

/** The servers that some peers need, booted once for all of them. */
export class Servers {
  private readonly running = new Map<ServerKind, Server>();

  /** @returns peers that cannot run here, and why */
  async boot(peers: readonly PeerName[]): Promise<ReadonlyMap<PeerName, string>> {
    const missing = new Map<PeerName, string>();
    const kinds = new Set(peers.map((peer) => SERVER_OF[peer]));
    if (kinds.has('postgres')) this.running.set('postgres', await bootPostgres());
    if (kinds.has('redis')) {
      const redis = findRedis();
      if (redis) this.running.set('redis', await bootRedis(redis));
      else for (const peer of peers) if (SERVER_OF[peer] === 'redis') missing.set(peer, NO_REDIS);
    }
    return missing;
  }

  of(peer: PeerName): Server | undefined {
    return this.running.get(SERVER_OF[peer]);
  }

  all(): readonly Server[] {
    return [...this.running.values()];
  }

  async stop(): Promise<void> {
    await Promise.all(this.all().map((server) => server.stop()));
    this.running.clear();
  }
}
