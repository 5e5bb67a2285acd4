import 'reflect-metadata';
import { once } from 'node:events';
import {
  type BeforeApplicationShutdown,
  Body,
  Controller,
  HttpException,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
  Post,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  DispatchError,
  DispatchModule,
  DispatchService,
  Job,
  type JobContext,
  StoreClosedError,
} from '../../lib/index.js';
import { createMemoryStore } from '../../lib/testing/index.js';
import { deferred } from '../support/deferred.js';
import { until } from '../support/until.js';
import { boot, compile, inMemory, jobEnded } from './support/app.js';

class Greeter {
  @Job('greet')
  greet(payload: unknown): string {
    return `hello ${String(payload)}`;
  }
}

describe('the life of an application', () => {
  it('lets providers enqueue from their first hook to their last', async () => {
    const steps: string[] = [];
    @Injectable()
    class Shop implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
      constructor(private readonly dispatch: DispatchService) {}
      async onModuleInit(): Promise<void> {
        await this.place('init');
      }
      async onApplicationBootstrap(): Promise<void> {
        await this.place('bootstrap');
      }
      async onModuleDestroy(): Promise<void> {
        await this.place('destroy');
      }
      async beforeApplicationShutdown(): Promise<void> {
        await this.place('shutdown');
      }
      private async place(step: string): Promise<void> {
        const { enqueued } = await this.dispatch.enqueue('later', step);
        steps.push(`${step} ${this.dispatch.engine.state} ${enqueued}`);
      }
    }
    const store = createMemoryStore();
    const { app, dispatch } = await boot({ providers: [Shop] }, { store });
    await app.close();
    expect(steps).toEqual([
      'init stopped inserted',
      'bootstrap running inserted',
      'destroy running inserted',
      'shutdown draining inserted',
    ]);
    expect((await store.countJobs({})).pending).toBe(4);
    await expect(dispatch.enqueue('later')).rejects.toBeInstanceOf(StoreClosedError);
  });

  it('runs no job before the application has booted', async () => {
    const order: string[] = [];
    @Injectable()
    class Worker implements OnModuleInit {
      constructor(private readonly dispatch: DispatchService) {}
      @Job('early')
      run(): void {
        order.push('job');
      }
      async onModuleInit(): Promise<void> {
        await this.dispatch.enqueue('early');
        expect(this.dispatch.engine.state).toBe('stopped');
        order.push('init');
      }
    }
    await boot({ providers: [Worker] });
    await until('the job ran', () => order.length === 2);
    expect(order).toEqual(['init', 'job']);
  });

  it('waits for running jobs on shutdown, and hands back those that do not finish', async () => {
    const store = createMemoryStore();
    const running = deferred();
    const finish = deferred<string>();
    class Slow {
      private started = 0;
      @Job('finishing')
      finishing(): Promise<string> {
        this.start();
        return finish.promise;
      }
      @Job('endless')
      async endless(_payload: unknown, { signal }: JobContext): Promise<void> {
        this.start();
        await once(signal, 'abort');
        throw signal.reason;
      }
      private start(): void {
        this.started += 1;
        if (this.started === 2) running.resolve();
      }
    }
    const { app, dispatch } = await boot({ providers: [Slow] }, { store, shutdownTimeout: 200 });
    const finishing = await dispatch.enqueue('finishing');
    const endless = await dispatch.enqueue('endless');
    await running.promise;
    const closed = app.close();
    finish.resolve('just in time');
    await closed;
    const after = await boot({}, { store, worker: false });
    expect(await after.dispatch.jobs.get(finishing.id)).toMatchObject({ state: 'completed', result: 'just in time' });
    expect(await after.dispatch.jobs.get(endless.id)).toMatchObject({ state: 'pending', retryCount: 0, errors: [] });
  });

  it('with autoStart: false leaves starting and stopping to the application', async () => {
    const { dispatch, ended } = await boot({ providers: [Greeter] }, { autoStart: false });
    expect(await dispatch.health()).toMatchObject({ status: 'up', state: 'stopped' });
    const job = await dispatch.enqueue('greet', 'Ada');
    expect(await dispatch.workers()).toEqual([]);
    await dispatch.start();
    expect((await ended(job)).result).toBe('hello Ada');
    await dispatch.drain();
    expect((await dispatch.enqueue('greet', 'Grace')).state).toBe('pending');
    expect((await dispatch.health()).worker).toBeUndefined();
  });

  it('with worker: false enqueues for other processes', async () => {
    const store = createMemoryStore();
    const producer = await boot({ providers: [Greeter] }, { store, worker: false });
    const job = await producer.dispatch.enqueue('greet', 'Ada');
    expect(await producer.dispatch.workers()).toEqual([]);
    const worker = await boot({ providers: [Greeter] }, { store });
    expect((await worker.ended(job)).result).toBe('hello Ada');
    expect(await producer.dispatch.workers()).toHaveLength(1);
  });

  it('closes the store when booting fails', async () => {
    class First {
      @Job('same')
      run(): void {}
    }
    class Second {
      @Job('same')
      run(): void {}
    }
    const { app, dispatch } = await compile({ providers: [First, Second] });
    await expect(app.init()).rejects.toThrow('two handlers');
    await expect(dispatch.enqueue('same')).rejects.toBeInstanceOf(StoreClosedError);
  });

  it('fails to boot when the store cannot be migrated', async () => {
    const store = createMemoryStore();
    store.migrate = () => Promise.reject(new Error('no such schema'));
    const { app } = await compile({}, { store });
    await expect(app.init()).rejects.toThrow('no such schema');
  });

  it('can be closed before it was initialised', async () => {
    const { app } = await compile({ providers: [Greeter] });
    await expect(app.close()).resolves.toBeUndefined();
  });
});

describe('kinds of applications', () => {
  it('include a standalone context, closed without shutdown hooks', async () => {
    @Module({ imports: [DispatchModule.forRoot(inMemory())], providers: [Greeter] })
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
    const dispatch = app.get(DispatchService);
    const job = await dispatch.enqueue('greet', 'Ada');
    expect((await jobEnded(dispatch, job)).result).toBe('hello Ada');
    await app.close();
    expect((await dispatch.health()).status).toBe('down');
  });

  it('include one that serves HTTP, where its errors tell their status', async () => {
    @Controller('greetings')
    class GreetingsController {
      constructor(private readonly dispatch: DispatchService) {}

      @Post()
      async greet(@Body() body: { name: string }): Promise<{ id: string }> {
        try {
          const { id } = await this.dispatch.enqueue('greet', body.name, { uniqueKey: body.name, onConflict: 'error' });
          return { id };
        } catch (error) {
          if (error instanceof DispatchError) throw new HttpException(error.code, error.status);
          throw error;
        }
      }

      @Job('greet')
      run(name: string): string {
        return `hello ${name}`;
      }
    }
    @Module({ imports: [DispatchModule.forRoot(inMemory({ autoStart: false }))], controllers: [GreetingsController] })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    onTestFinished(() => app.close());
    await app.listen(0, '127.0.0.1');
    const post = async (): Promise<Response> =>
      fetch(new URL('/greetings', await app.getUrl()), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ name: 'Ada' }),
      });
    const first = await post();
    expect(first.status).toBe(201);
    const { id } = (await first.json()) as { id: string };
    expect((await post()).status).toBe(409);
    const dispatch = app.get(DispatchService);
    await dispatch.start();
    expect((await jobEnded(dispatch, { id } as never)).result).toBe('hello Ada');
  });
});
