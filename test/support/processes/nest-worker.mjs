// A NestJS application of the tests, without a server: its one handler reports by message and waits for one.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const { lib, store, options } = JSON.parse(process.env.WORKER);
const { DispatchModule, Job } = await import(new URL('../index.js', lib).href);

const waiting = new Map();
const tell = (message) => process.send?.(message);

class HoldService {
  hold(_payload, job) {
    return new Promise((resolve) => {
      waiting.set(job.id, resolve);
      job.signal.addEventListener('abort', () => tell({ kind: 'aborted', id: job.id, reason: job.signal.reason.name }));
      tell({ kind: 'holding', id: job.id, attempt: job.attempt });
    });
  }
}
Job('hold')(HoldService.prototype, 'hold', Object.getOwnPropertyDescriptor(HoldService.prototype, 'hold'));

class AppModule {}
Module({ imports: [DispatchModule.forRoot({ store, ...options })], providers: [HoldService] })(AppModule);

process.on('message', (message) => waiting.get(message.id)?.(message.result));
const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
app.enableShutdownHooks();
tell({ kind: 'ready' });
