import 'reflect-metadata';
import { Inject, Injectable, Scope } from '@nestjs/common';
import {
  type ContextId,
  ContextIdFactory,
  type ContextIdStrategy,
  type HostComponentInfo,
  REQUEST,
} from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InjectJob, Job, type JobContext, type JobFailure, OnJobFailed } from '../../lib/index.js';
import { until } from '../support/until.js';
import { boot } from './support/app.js';

/** A sub-tree of instances for each tenant, as in Nest's documentation. */
class ByTenant implements ContextIdStrategy {
  private readonly trees = new Map<string, ContextId>();

  attach(contextId: ContextId, request: { readonly headers?: Readonly<Record<string, string>> }) {
    const tenant = request.headers?.['tenant'] ?? 'none';
    const tree = this.trees.get(tenant) ?? ContextIdFactory.create();
    this.trees.set(tenant, tree);
    return {
      resolve: (info: HostComponentInfo) => (info.isTreeDurable ? tree : contextId),
      payload: { tenant },
    };
  }
}

const strategyOf = ContextIdFactory as unknown as { strategy: ContextIdStrategy | undefined };
let made = 0;

@Injectable({ scope: Scope.REQUEST, durable: true })
class Connection {
  readonly number = (made += 1);
  constructor(@Inject(REQUEST) readonly request: unknown) {}
}

beforeEach(() => {
  made = 0;
  ContextIdFactory.apply(new ByTenant());
});

afterEach(() => {
  strategyOf.strategy = undefined;
});

describe('durable providers', () => {
  it('are made once per tenant, and see what the strategy says instead of a job', async () => {
    @Injectable({ scope: Scope.REQUEST, durable: true })
    class Handler {
      constructor(private readonly connection: Connection) {}
      @Job('durable')
      run(): unknown {
        const { request } = this.connection;
        // A job shows little of itself as JSON.
        return [this.connection.number, request, (request as Partial<JobContext>).name ?? 'no job'];
      }
    }
    const { dispatch, ended } = await boot({ providers: [Connection, Handler] });
    const run = async (tenant: string): Promise<unknown> =>
      (await ended(await dispatch.enqueue('durable', 1, { headers: { tenant } }))).result;
    expect(await run('acme')).toEqual([1, { tenant: 'acme' }, 'no job']);
    expect(await run('acme')).toEqual([1, { tenant: 'acme' }, 'no job']);
    expect(await run('initech')).toEqual([2, { tenant: 'initech' }, 'no job']);
  });

  it('never see the job that they were made for, as they outlive it, where the strategy says nothing else', async () => {
    const tree = ContextIdFactory.create();
    ContextIdFactory.apply({
      attach:
        (contextId) =>
        ({ isTreeDurable }) =>
          isTreeDurable ? tree : contextId,
    });
    @Injectable({ scope: Scope.REQUEST, durable: true })
    class Handler {
      constructor(private readonly connection: Connection) {}
      @Job('durable')
      run(): unknown {
        return [this.connection.number, this.connection.request === undefined ? 'nothing' : 'something'];
      }
    }
    const { run } = await boot({ providers: [Connection, Handler] });
    expect((await run('durable')).result).toEqual([1, 'nothing']);
    expect((await run('durable')).result).toEqual([1, 'nothing']);
  });

  it('serve handlers that are made per job, which see the job and what the strategy adds', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Handler {
      constructor(
        private readonly connection: Connection,
        @InjectJob() private readonly job: JobContext & { readonly tenant: string },
      ) {}
      @Job('per-job', { maxRetries: 0 })
      run(fails: boolean): unknown {
        if (fails) throw new Error('it broke');
        return [this.connection.number, this.job.name, this.job.payload, this.job.tenant];
      }
    }
    const { dispatch, ended } = await boot({ providers: [Connection, Handler] });
    const run = async (tenant: string): Promise<unknown> =>
      (await ended(await dispatch.enqueue('per-job', false, { headers: { tenant } }))).result;
    expect(await run('acme')).toEqual([1, 'per-job', false, 'acme']);
    expect(await run('acme')).toEqual([1, 'per-job', false, 'acme']);
    expect(await run('initech')).toEqual([2, 'per-job', false, 'initech']);
  });

  it('serve failure listeners as well', async () => {
    const heard: unknown[] = [];
    @Injectable({ scope: Scope.REQUEST })
    class Listener {
      constructor(
        private readonly connection: Connection,
        @InjectJob() private readonly job: JobFailure['job'] & { readonly tenant: string },
      ) {}
      @OnJobFailed()
      onFailure(): void {
        heard.push([this.connection.number, this.job.id, this.job.state, this.job.tenant]);
      }
    }
    class Failing {
      @Job('failing', { maxRetries: 0 })
      run(): void {
        throw new Error('it broke');
      }
    }
    const { dispatch, ended } = await boot({ providers: [Connection, Listener, Failing] });
    const job = await dispatch.enqueue('failing', 1, { headers: { tenant: 'acme' } });
    await ended(job);
    await until('it is heard of', () => heard.length > 0);
    expect(heard).toEqual([[1, job.id, 'failed', 'acme']]);
  });
});
