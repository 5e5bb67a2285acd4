/*
 * The program of the thread that renews a lease. A text, so that neither bundlers nor loaders of TypeScript can lose it:
 * a thread can load neither a file that was moved nor one that has to be compiled. The driver is named by its path.
 */
export const PULSE_THREAD = `
'use strict';
const { workerData, parentPort } = require('node:worker_threads');
const { pathToFileURL } = require('node:url');
const { source, lateMs, times } = workerData;
const shared = new BigInt64Array(times);
const PERMIT = 0, RENEWED = 1;

const drivers = {
  async pg() {
    const module = await import(pathToFileURL(source.driverPath).href);
    const { Client } = module.default ?? module;
    let client;
    return async () => {
      if (!client) {
        const fresh = new Client(source.connection);
        fresh.on('error', () => { if (client === fresh) client = undefined; });
        await fresh.connect();
        client = fresh;
      }
      try {
        await client.query(source.statement, source.values);
      } catch (error) {
        const broken = client;
        client = undefined;
        if (broken) broken.end().catch(() => undefined);
        throw error;
      }
    };
  },
  async 'better-sqlite3'() {
    const module = await import(pathToFileURL(source.driverPath).href);
    const Database = module.default ?? module;
    let renew;
    return async () => {
      renew ??= new Database(source.connection.database, { timeout: 2000, fileMustExist: true }).prepare(source.statement);
      renew.run(...source.values);
    };
  },
};

let renew;
// Sleeps until the main thread is late, if it has not renewed again until then.
async function look() {
  const now = Date.now();
  const left = Number(Atomics.load(shared, RENEWED)) + lateMs - now;
  const pause = left > 0 ? left + 1 : lateMs / 4;
  if (left <= 0 && now <= Number(Atomics.load(shared, PERMIT))) {
    try {
      renew ??= await drivers[source.driver]();
      await renew();
      Atomics.store(shared, RENEWED, BigInt(Date.now()));
    } catch (error) {
      parentPort.postMessage(String(error && error.message || error));
    }
  }
  setTimeout(look, Math.max(10, Math.min(pause, lateMs)));
}
look();
`;
