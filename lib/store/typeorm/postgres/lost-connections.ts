interface Client {
  on(event: 'error', listener: () => void): void;
}

/** The part of `pg`'s pool that is used here. */
interface ClientPool {
  on(event: 'acquire', listener: (client: Client) => void): void;
}

/**
 * Hears the errors of a pool's connections that nobody else hears. A pool stops listening to a connection when it hands
 * it out, and who asked for it begins to listen a moment later: a server that greets and ends a connection in one packet
 * fits in between, and an error that nobody hears ends the process. Whoever uses the connection then is told by its first
 * statement, and the pool does not take it back.
 */
export function hearLostConnections(pool: ClientPool): void {
  const heard = new WeakSet<Client>();
  pool.on('acquire', (client) => {
    if (heard.has(client)) return;
    heard.add(client);
    client.on('error', () => undefined);
  });
}
