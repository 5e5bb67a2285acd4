import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { ClsModule, ClsService, ClsServiceManager, UseCls } from 'nestjs-cls';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Carrier, type DispatchService, Job, type JobFailure, OnJobFailed, Snooze } from '../../lib/index.js';
import { until } from '../support/until.js';
import { boot } from './support/app.js';

const user = new AsyncLocalStorage<string>();
const seen: unknown[] = [];

class Service {
  @Job('look', { maxRetries: 1 })
  async look(how: string): Promise<string | null> {
    await Promise.resolve();
    seen.push(user.getStore() ?? null);
    if (how === 'fails') throw new Error('it broke');
    if (how === 'snoozes' && seen.length === 1) throw new Snooze(1);
    return user.getStore() ?? null;
  }

  @OnJobFailed()
  onFailure(_failure: JobFailure): void {
    seen.push(`listener ${user.getStore() ?? null}`);
  }
}

/** What the application wants to travel with its jobs. */
const carrier: Carrier = {
  capture: () => {
    const name = user.getStore();
    return name === undefined ? undefined : { user: name };
  },
  restore: (headers, fn) => user.run(headers['user'] ?? 'nobody', fn),
};

beforeEach(() => {
  seen.length = 0;
});

describe('the context of the one who enqueues', () => {
  it('does not leak into jobs, their retries or their listeners', async () => {
    const { dispatch, ended } = await boot({ providers: [Service] });
    const [job, failing, snoozing] = await user.run('Ada', async () => [
      await dispatch.enqueue('look', 'returns'),
      await dispatch.enqueue('look', 'fails'),
      await dispatch.enqueue('look', 'snoozes'),
    ]);
    expect((await ended(job)).result).toBeNull();
    await ended(failing);
    await ended(snoozing);
    await until('the listener was called', () => seen.includes('listener null'));
    expect(seen.filter((one) => one !== null)).toEqual(['listener null']);
  });

  it('does not leak either when the engine was started in one', async () => {
    const { dispatch, ended } = await boot({ providers: [Service] }, { autoStart: false });
    await user.run('Ada', () => dispatch.start());
    expect((await ended(await dispatch.enqueue('look', 'returns'))).result).toBeNull();
  });

  it('does not leak from one job into the next', async () => {
    class Chain {
      @Job('first')
      async first(): Promise<void> {
        user.enterWith('Grace');
        await this.dispatch!.enqueue('second');
      }
      @Job('second')
      second(): string | null {
        return user.getStore() ?? null;
      }
      dispatch: DispatchService | undefined;
    }
    const { app, dispatch, run } = await boot({ providers: [Chain] }, { concurrency: 1 });
    app.get(Chain).dispatch = dispatch;
    await run('first');
    const [second] = (await dispatch.jobs.list({ name: 'second' })).jobs;
    await until('the second has ended', async () => (await dispatch.jobs.get(second!.id))?.state === 'completed');
    expect((await dispatch.jobs.get(second!.id))?.result).toBeNull();
  });
});

describe('what a carrier captures', () => {
  it('is there again in handlers, in retries and in listeners', async () => {
    const { dispatch, ended } = await boot({ providers: [Service] }, { carrier });
    const [job, failing] = await user.run('Ada', async () => [
      await dispatch.enqueue('look', 'returns'),
      await dispatch.enqueue('look', 'fails'),
    ]);
    expect((await ended(job)).result).toBe('Ada');
    await ended(failing);
    await until('the listener was called', () => seen.includes('listener Ada'));
    expect(seen.filter((one) => one === 'Ada')).toHaveLength(3);
    expect((await ended(await dispatch.enqueue('look', 'returns'))).result).toBe('nobody');
  });

  it('is stored in the headers, beside those of the call, which go before it', async () => {
    const { dispatch } = await boot({}, { carrier });
    await user.run('Ada', async () => {
      expect((await dispatch.enqueue('look', 1)).headers).toEqual({ user: 'Ada' });
      const headers = { user: 'Grace', tenant: 'acme' };
      expect((await dispatch.enqueue('look', 1, { headers })).headers).toEqual(headers);
      const [job] = await dispatch.enqueueMany([{ job: 'look', input: 1 }]);
      expect(job?.headers).toEqual({ user: 'Ada' });
    });
    expect((await dispatch.enqueue('look', 1)).headers).toEqual({});
  });

  it('has to be texts, and the carrier an object with both methods', async () => {
    const { dispatch } = await boot({}, { carrier: { ...carrier, capture: () => ({ user: 1 }) as never } });
    await expect(dispatch.enqueue('look')).rejects.toThrow('"headers" must be an object of texts');
    await expect(boot({}, { carrier: { capture: () => ({}) } as never })).rejects.toThrow(
      '"carrier" must be an object with capture and restore',
    );
  });
});

describe('nestjs-cls', () => {
  @Injectable()
  class Greeter {
    constructor(private readonly cls: ClsService<{ user: string }>) {}

    @Job('greet')
    greet(): unknown {
      return this.cls.isActive() ? (this.cls.get('user') ?? 'somebody') : 'no context';
    }

    @UseCls()
    @Job('remember')
    async remember(name: string): Promise<unknown> {
      const before = this.cls.get('user') ?? null;
      this.cls.set('user', name);
      return [before, this.cls.get('user')];
    }
  }

  const providers = [Greeter];
  const imports = [ClsModule.forRoot({ global: true })];

  it('has no context of the caller in a job, and a clean one where the handler asks for one', async () => {
    const { app, dispatch, ended, run } = await boot({ imports, providers }, { concurrency: 1 });
    const cls = app.get<ClsService<{ user: string }>>(ClsService);
    const job = await cls.run(async () => {
      cls.set('user', 'Ada');
      return dispatch.enqueue('greet');
    });
    expect((await ended(job)).result).toBe('no context');
    expect((await run('remember', 'Ada')).result).toEqual([null, 'Ada']);
    expect((await run('remember', 'Grace')).result).toEqual([null, 'Grace']);
  });

  it('travels with a job by a carrier', async () => {
    const clsCarrier: Carrier = {
      capture() {
        const cls = ClsServiceManager.getClsService<{ user: string }>();
        return cls.isActive() ? { user: cls.get('user') } : undefined;
      },
      restore(headers, fn) {
        const cls = ClsServiceManager.getClsService<{ user: string }>();
        return cls.run(() => {
          if (headers['user'] !== undefined) cls.set('user', headers['user']);
          return fn();
        });
      },
    };
    const { app, dispatch, ended, run } = await boot({ imports, providers }, { carrier: clsCarrier });
    const cls = app.get<ClsService<{ user: string }>>(ClsService);
    const job = await cls.run(async () => {
      cls.set('user', 'Ada');
      return dispatch.enqueue('greet');
    });
    expect((await ended(job)).result).toBe('Ada');
    expect((await run('greet')).result).toBe('somebody');
  });
});
