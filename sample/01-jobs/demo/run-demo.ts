import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type INestApplication, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DispatchService } from '../../../lib/index.js';
import { AppModule } from '../app.module.js';
import { startMailGateway } from '../mail-gateway/mail-gateway.js';
import { type Settings, invoiceDirOf } from '../settings.js';
import type { DemoOptions } from './arguments.js';
import { auditOrders } from './audit.js';
import { Child } from './child-process.js';
import type { Cleanup } from './cleanup.js';
import { createDemoDatabase } from './demo-database.js';
import { killWhileWorking } from './kill-worker.js';
import { postOrders, readOrders } from './post-orders.js';
import { LiveLine, endedOf, watchJobs } from './progress.js';
import { formatReport, formatVerdict } from './report.js';

/** Short, so that the rescue is seen within seconds. */
const TIMES = { lease: 2_000, heartbeat: 500 };
const JOBS_PER_WORKER = 8;

/**
 * Posts the orders, works on them with two processes, kills one of them half-way and counts what came of it.
 *
 * @returns whether every order has exactly one PDF or one dead-letter entry
 */
export async function runDemo({ store, orders: count, keep }: DemoOptions, cleanup: Cleanup): Promise<boolean> {
  const startedAt = performance.now();
  const live = new LiveLine(process.stdout);
  let crashed: (error: Error) => void = () => undefined;
  const crash = new Promise<never>((_, reject) => (crashed = reject));
  crash.catch(() => undefined);
  const unlessCrashed = <T>(work: Promise<T>): Promise<T> => Promise.race([work, crash]);

  const dataDir = await mkdtemp(join(tmpdir(), 'dispatch-demo-'));
  if (keep) live.note(`files are kept in ${dataDir}`);
  else cleanup.add('the files', () => rm(dataDir, { recursive: true, force: true }));
  const databaseUrl =
    store === 'postgres' ? await unlessCrashed(createDemoDatabase(dataDir, cleanup, crashed)) : undefined;
  const gateway = await startMailGateway();
  cleanup.add('the mail gateway', () => gateway.close());
  const settings: Settings = {
    ...TIMES,
    databaseUrl,
    dataDir,
    mailUrl: gateway.url,
    concurrency: 0,
    createTables: true,
  };

  const { app, url } = await serve(settings, cleanup);
  const dispatch = app.get(DispatchService);
  const workers = [1, 2].map((number) => startWorker(number, settings, cleanup, crashed));
  await unlessCrashed(Promise.all(workers.map(({ ready }) => ready)));
  live.note(`application at ${url} on ${store}, workers ${workers.map(({ pid }) => pid).join(' and ')}`);

  let killing: Promise<number> | undefined;
  const killOne = async (): Promise<number> => {
    const victim = workers[0] as Child;
    const held = await killWhileWorking(victim, dispatch);
    const next = startWorker(3, settings, cleanup, crashed);
    live.note(`worker ${victim.pid} was killed with ${held} jobs in hand; worker ${next.pid} takes its place`);
    return held;
  };
  const orders = await readOrders(count);
  const posting = new AbortController();
  cleanup.add('the posting', () => posting.abort());
  const [orderIds] = await unlessCrashed(
    Promise.all([
      postOrders(url, orders, posting.signal),
      watchJobs(dispatch, count, live, (counts) => {
        if (endedOf(counts) < count / 2 || killing) return;
        killing = killOne();
        killing.catch(crashed);
      }),
    ]),
  );
  const heldWhenKilled = await unlessCrashed(killing ?? Promise.resolve(0));

  const audit = await auditOrders(orderIds, dispatch, invoiceDirOf(settings));
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(formatReport({ audit, mail: gateway.stats(), heldWhenKilled, seconds }));
  console.log(formatVerdict(audit));
  return audit.problems.length === 0;
}

async function serve(settings: Settings, cleanup: Cleanup): Promise<{ app: INestApplication; url: string }> {
  const app = await NestFactory.create(AppModule.forRoot(settings), {
    logger: ['warn', 'error'],
    forceCloseConnections: true,
  });
  cleanup.add('the application', () => app.close());
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

function startWorker(number: number, settings: Settings, cleanup: Cleanup, onCrash: (error: Error) => void): Child {
  const worker = new Child(
    {
      name: `worker ${number}`,
      script: new URL('../worker.main.js', import.meta.url),
      env: {
        DATABASE_URL: settings.databaseUrl ?? '',
        DATA_DIR: settings.dataDir,
        MAIL_URL: settings.mailUrl,
        CONCURRENCY: String(JOBS_PER_WORKER),
        LEASE_MS: String(settings.lease),
        HEARTBEAT_MS: String(settings.heartbeat),
      },
      logFile: join(settings.dataDir, `worker-${number}.log`),
    },
    onCrash,
  );
  cleanup.add(worker.name, () => worker.stop());
  return worker;
}
