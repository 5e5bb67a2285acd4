import 'reflect-metadata';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  ParseIntPipe,
  Scope,
  UseInterceptors,
} from '@nestjs/common';
import type { Observable } from 'rxjs';
import { expect, it } from 'vitest';
import { InjectJob, Job, type JobContext, Payload } from '../../lib/index.js';
import { until } from '../support/until.js';
import { boot } from './support/app.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const JOBS = 10_000;

/** What is made for each job, and how much of it there still is. */
const alive = { handlers: 0, dependencies: 0, jobs: 0 };
const made = { handlers: 0, dependencies: 0, jobs: 0 };
const registry = new FinalizationRegistry<keyof typeof alive>((kind) => (alive[kind] -= 1));

function watch(kind: keyof typeof alive, object: object): void {
  made[kind] += 1;
  alive[kind] += 1;
  registry.register(object, kind);
}

@Injectable({ scope: Scope.REQUEST })
class Dependency {
  constructor(@InjectJob() readonly job: JobContext) {
    watch('dependencies', this);
    watch('jobs', job);
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerJob implements NestInterceptor {
  constructor(private readonly dependency: Dependency) {}
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (this.dependency.job.name !== 'count') throw new Error('another job');
    return next.handle();
  }
}

@UseInterceptors(PerJob)
@Injectable()
class Handler {
  constructor(private readonly dependency: Dependency) {
    watch('handlers', this);
  }

  @Job('count')
  count(@Payload('n', ParseIntPipe) n: number): number {
    if (this.dependency.job.idempotencyKey === '') throw new Error('no job');
    return n;
  }
}

it(`leaves nothing of ${JOBS} jobs behind: neither instances, nor contexts, nor jobs`, async () => {
  const { dispatch } = await boot({ providers: [Dependency, PerJob, Handler] }, { concurrency: 50 });
  await dispatch.enqueueMany(Array.from({ length: JOBS }, (_, n) => ({ job: 'count', input: { n: String(n) } })));
  await until('all have run', async () => (await dispatch.jobs.counts()).completed === JOBS, 60_000);
  expect(made).toMatchObject({ handlers: JOBS, jobs: JOBS });
  await until(
    'they are gone',
    async () => {
      collectGarbage();
      await turn();
      return alive.handlers + alive.dependencies + alive.jobs < 100;
    },
    30_000,
  );
});
